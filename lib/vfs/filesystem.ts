/**
 * The contract between a transport (how requests arrive) and a file system (what they mean).
 *
 * - Inode-based and synchronous: one method per operation, and one call is one atomic step. Transports never call
 *   into a file system from two threads.
 * - Failure is a returned Errno (or a negated one in a Count), never an exception. An exception is a bug: the
 *   transport answers EIO and logs it.
 * - Results go into the `out` object or `into` buffer given by the transport, which reuses them.
 * - An operation that would take long parks: see jobs.ts.
 * - Permission checks are not made here: the kernel makes them from the attributes and ACLs that are reported
 *   (mount option default_permissions).
 * - Every successful answer that carries a node (lookup, mkdir, …, each accepted readdirplus entry other than
 *   `.` and `..`) raises that node's lookup count by one; `forget` lowers it. A node is valid while its count is
 *   above zero; the root always is.
 * - `fh` may be NO_FH wherever it is a parameter: transports that open files without a message
 *   (`Kernel.zeroMessageOpens`) have no handles for them.
 */
import type { ByteString, Name } from '../base/bytes';
import type { Count, Errno } from '../base/errno';
import type { Fh, Ino, JobId, NodeId } from '../base/ids';
import type { JobResult } from './jobs';
import type { Attr, Call, Entry, Opened, SetAttr, StatFs } from './types';

/** What the other side of a transport can do, as agreed when it was mounted. */
export interface Kernel {
  /** Regular files may be given a backing file that the kernel reads and writes by itself. */
  readonly passthrough: boolean;
  /** Files are opened and closed without a message; a node that is known may be open at any time. */
  readonly zeroMessageOpens: boolean;
  /** Registers an open file for passthrough. Returns its id (> 0) or a negated errno. */
  openBacking(fd: number): number;
  closeBacking(id: number): void;
  /**
   * Puts the first bytes of an open file into a node's page cache.
   * Preconditions: the node is not open, and the file has so many bytes.
   */
  storeContent(node: NodeId, fd: number, length: number): void;
  /** Asks the kernel to forget a node's cached attributes. */
  invalidateAttributes(node: NodeId): void;
}

/** Takes directory entries until it is full. `next` is the offset that a later read continues from. */
export interface DirSink {
  /** False: the entry was not taken, the buffer is full. */
  add(name: Name, ino: Ino, dirType: number, next: number): boolean;
}

export interface DirPlusSink extends DirSink {
  /** Room for one more entry with this name? Asked before the entry's attributes are read. */
  hasRoomFor(name: Name): boolean;
  /** As `add`, with what a lookup would have said. Only after `hasRoomFor` said true. */
  addEntry(name: Name, entry: Entry, next: number): void;
}

export interface FileSystem {
  /** Called once, before the first request. */
  init(kernel: Kernel): void;
  /** Called once, after the last request: closes everything. */
  destroy(): void;
  /** A job that this file system started is done; the parked requests run again right after. */
  jobDone(id: JobId, result: number): void;
  /** In how many ms `work` wants to be called: 0 for now, -1 for not at all. */
  readonly workIn: number;
  /**
   * Does a slice of what is to be done between requests, for about half a millisecond. Returns what has ended as the
   * result of a job, to be handed to `jobDone` at once.
   */
  work(): JobResult | null;
  /** A job runs, waited for or not: `destroy` must not be called yet. */
  readonly busy: boolean;

  /** ENOENT, or OK with `out.node` 0, for an absent name. Names `.` and `..` do not arrive. */
  lookup(call: Call, parent: NodeId, name: Name, out: Entry): Errno;
  forget(node: NodeId, count: number): void;
  getattr(call: Call, node: NodeId, fh: Fh, out: Attr): Errno;
  setattr(call: Call, node: NodeId, fh: Fh, change: SetAttr, out: Attr): Errno;
  /** The target, without NUL. A target longer than `into` is cut. */
  readlink(call: Call, node: NodeId, into: Buffer): Count;

  mknod(
    call: Call,
    parent: NodeId,
    name: Name,
    mode: number,
    major: number,
    minor: number,
    out: Entry,
  ): Errno;
  mkdir(call: Call, parent: NodeId, name: Name, mode: number, out: Entry): Errno;
  symlink(call: Call, parent: NodeId, name: Name, target: ByteString, out: Entry): Errno;
  link(call: Call, node: NodeId, newParent: NodeId, newName: Name, out: Entry): Errno;
  unlink(call: Call, parent: NodeId, name: Name): Errno;
  rmdir(call: Call, parent: NodeId, name: Name): Errno;
  /** `flags` of renameat2(2). */
  rename(call: Call, parent: NodeId, name: Name, newParent: NodeId, newName: Name, flags: number): Errno;

  /** `flags` of open(2), without O_CREAT and O_EXCL. `killPriv`: with O_TRUNC, clear setuid/setgid/caps. */
  open(call: Call, node: NodeId, flags: number, killPriv: boolean, out: Opened): Errno;
  /** Creates and opens. EEXIST where the name exists and flags have O_EXCL; else opens the existing file. */
  create(
    call: Call,
    parent: NodeId,
    name: Name,
    mode: number,
    flags: number,
    entry: Entry,
    opened: Opened,
  ): Errno;
  /** open(2) with O_TMPFILE in directory `parent`. */
  tmpfile(call: Call, parent: NodeId, mode: number, flags: number, entry: Entry, opened: Opened): Errno;
  release(node: NodeId, fh: Fh): void;

  /** Fills `into` from `offset`; fewer bytes only at the end of the file. */
  read(call: Call, node: NodeId, fh: Fh, offset: number, into: Buffer): Count;
  /**
   * `killPriv`: clear setuid/setgid/caps first. `mapped`: the data was changed in a mapping, nobody is writing now, and
   * setuid/setgid/caps stay.
   */
  write(
    call: Call,
    node: NodeId,
    fh: Fh,
    offset: number,
    data: Buffer,
    killPriv: boolean,
    mapped: boolean,
  ): Count;
  /** ENOSYS, here as in `fsyncdir` and `syncfs`: done, and never needed on this mount. */
  fsync(call: Call, node: NodeId, fh: Fh, dataOnly: boolean): Errno;
  fallocate(call: Call, node: NodeId, fh: Fh, mode: number, offset: number, length: number): Errno;
  /** `whence` is SEEK_DATA or SEEK_HOLE. Returns the new offset. */
  lseek(call: Call, node: NodeId, fh: Fh, offset: number, whence: number): Count;
  copyFileRange(
    call: Call,
    node: NodeId,
    fh: Fh,
    offset: number,
    toNode: NodeId,
    toFh: Fh,
    toOffset: number,
    length: number,
  ): Count;

  opendir(call: Call, node: NodeId, out: Opened): Errno;
  /** Offset 0 starts; `.` and `..` come first. */
  readdir(call: Call, node: NodeId, fh: Fh, offset: number, sink: DirSink): Errno;
  readdirplus(call: Call, node: NodeId, fh: Fh, offset: number, sink: DirPlusSink): Errno;
  releasedir(node: NodeId, fh: Fh): void;
  fsyncdir(call: Call, node: NodeId, fh: Fh, dataOnly: boolean): Errno;

  /** An empty `into` asks for the size only; ERANGE where it is too small. */
  getxattr(call: Call, node: NodeId, name: ByteString, into: Buffer): Count;
  /** NUL-terminated names. An empty `into` asks for the size only; ERANGE where it is too small. */
  listxattr(call: Call, node: NodeId, into: Buffer): Count;
  /** `killSgid`: clear the set-group-ID bit too (FUSE_SETXATTR_ACL_KILL_SGID). */
  setxattr(
    call: Call,
    node: NodeId,
    name: ByteString,
    value: Buffer,
    flags: number,
    killSgid: boolean,
  ): Errno;
  removexattr(call: Call, node: NodeId, name: ByteString): Errno;

  statfs(call: Call, out: StatFs): Errno;
  syncfs(call: Call): Errno;
  /** FS_IOC_GETFLAGS and its kin: `command` as in ioctl(2), `input` and `output` its argument. */
  ioctl(call: Call, node: NodeId, fh: Fh, command: number, input: Buffer, output: Buffer): Count;
}
