/**
 * A small FileSystem for tests of transports: the tree lives in memory (memory-tree.ts), the data in real files,
 * so that passthrough can be tested with it. It keeps exact lookup counts and open handles, to be compared with
 * what a transport must leave behind: `checkClean`.
 */
import { type ByteString, bytesOf, type Name } from '../../lib/base/bytes';
import { type Count, EINVAL, ENOTTY, type Errno, OK, PARKED } from '../../lib/base/errno';
import type { Fh, Ino, JobId, NodeId } from '../../lib/base/ids';
import { ftruncate } from '../../lib/sys/attr';
import { copyFileRange, fallocate, lseek, pread, pwrite } from '../../lib/sys/io';
import { close } from '../../lib/sys/open';
import type { DirPlusSink, DirSink, FileSystem, Kernel } from '../../lib/vfs/filesystem';
import { dirTypeOf, O_EXCL, O_TRUNC, S_IFREG } from '../../lib/vfs/flags';
import { type Call, Entry, type Opened, type StatFs } from '../../lib/vfs/types';
import { type MemoryNode, MemoryTree } from './memory-tree';

const GETFLAGS = 0x80086601;
const SETFLAGS = 0x40086602;
const FSGETXATTR = 0x801c581f;

/** Starts a job of which a test can say when it is done; the operation that waits for it parks. */
export type StartJob = () => JobId;

export class MemoryFileSystem extends MemoryTree implements FileSystem {
  kernel: Kernel | null = null;
  destroyed = false;
  private readonly handles = new Map<Fh, NodeId>();
  private readonly backings = new Map<NodeId, { id: number; opens: number }>();
  private nextHandle = 1;
  private readonly scratch = new Entry();

  /** @param startJob makes fsync park */
  constructor(
    scratchDir: ByteString,
    private readonly startJob: StartJob | null = null,
  ) {
    super(scratchDir);
  }

  init(kernel: Kernel): void {
    this.kernel = kernel;
  }

  destroy(): void {
    this.destroyed = true;
    for (const node of this.nodes.values()) if (node.fd >= 0) close(node.fd);
  }

  jobDone(_id: JobId, _result: number): void {}

  readonly workIn = -1;
  readonly busy = false;

  work(): null {
    return null;
  }

  /** What a transport left behind at the end of its mount: '' for nothing. */
  checkClean(): string {
    return this.handles.size === 0 ? '' : `${this.handles.size} open handles`;
  }

  private handle(node: MemoryNode, opened: Opened): Errno {
    opened.fh = this.nextHandle++ as Fh;
    this.handles.set(opened.fh, node.id);
    if (!this.kernel!.passthrough || node.fd < 0) return OK;
    let backing = this.backings.get(node.id);
    if (backing === undefined) {
      backing = { id: this.kernel!.openBacking(node.fd), opens: 0 };
      if (backing.id < 0) return -backing.id;
      this.backings.set(node.id, backing);
    }
    backing.opens++;
    opened.backing = backing.id;
    return OK;
  }

  open(_call: Call, id: NodeId, flags: number, _killPriv: boolean, out: Opened): Errno {
    const node = this.nodes.get(id)!;
    if (flags & O_TRUNC) ftruncate(node.fd, 0);
    return this.handle(node, out);
  }

  create(
    call: Call,
    parent: NodeId,
    name: Name,
    mode: number,
    flags: number,
    entry: Entry,
    opened: Opened,
  ): Errno {
    const node = this.add(call, parent, name, mode, entry);
    if (typeof node !== 'number') return this.handle(node, opened);
    if (flags & O_EXCL) return node;
    this.lookup(call, parent, name, entry);
    return this.open(call, entry.node, flags, false, opened);
  }

  tmpfile(call: Call, parent: NodeId, mode: number, _flags: number, entry: Entry, opened: Opened): Errno {
    const node = this.make(parent, S_IFREG | (mode & 0o7777 & ~call.umask));
    node.nlink = 0;
    this.give(node, entry);
    return this.handle(node, opened);
  }

  release(id: NodeId, fh: Fh): void {
    if (!this.handles.delete(fh)) throw new Error(`handle ${fh} is not open`);
    const backing = this.backings.get(id);
    if (backing === undefined || --backing.opens > 0) return;
    this.kernel!.closeBacking(backing.id);
    this.backings.delete(id);
  }

  read(_call: Call, id: NodeId, _fh: Fh, offset: number, into: Buffer): Count {
    return pread(this.nodes.get(id)!.fd, into, offset);
  }

  write(_call: Call, id: NodeId, _fh: Fh, offset: number, data: Buffer): Count {
    return pwrite(this.nodes.get(id)!.fd, data, offset);
  }

  fsync(call: Call, _node: NodeId, _fh: Fh, _dataOnly: boolean): Errno {
    if (this.startJob === null) return OK;
    if (call.jobResult !== null) return call.jobResult < 0 ? -call.jobResult : OK;
    call.job = this.startJob();
    return PARKED;
  }

  fallocate(_call: Call, id: NodeId, _fh: Fh, mode: number, offset: number, length: number): Errno {
    return fallocate(this.nodes.get(id)!.fd, mode, offset, length);
  }

  lseek(_call: Call, id: NodeId, _fh: Fh, offset: number, whence: number): Count {
    return lseek(this.nodes.get(id)!.fd, offset, whence);
  }

  copyFileRange(
    _call: Call,
    id: NodeId,
    _fh: Fh,
    offset: number,
    toNode: NodeId,
    _toFh: Fh,
    toOffset: number,
    length: number,
  ): Count {
    return copyFileRange(this.nodes.get(id)!.fd, offset, this.nodes.get(toNode)!.fd, toOffset, length);
  }

  opendir(_call: Call, id: NodeId, out: Opened): Errno {
    out.fh = this.nextHandle++ as Fh;
    this.handles.set(out.fh, id);
    return OK;
  }

  readdir(_call: Call, id: NodeId, _fh: Fh, offset: number, sink: DirSink): Errno {
    return this.list(id, offset, (name, node, next) => {
      return sink.add(name, (1000 + node.id) as Ino, dirTypeOf(node.mode), next);
    });
  }

  readdirplus(_call: Call, id: NodeId, _fh: Fh, offset: number, sink: DirPlusSink): Errno {
    return this.list(id, offset, (name, node, next) => {
      if (next <= 2) return sink.add(name, (1000 + node.id) as Ino, dirTypeOf(node.mode), next);
      if (!sink.hasRoomFor(name)) return false;
      this.give(node, this.scratch);
      sink.addEntry(name, this.scratch, next);
      return true;
    });
  }

  releasedir(_node: NodeId, fh: Fh): void {
    if (!this.handles.delete(fh)) throw new Error(`directory handle ${fh} is not open`);
  }

  fsyncdir(): Errno {
    return OK;
  }

  statfs(_call: Call, out: StatFs): Errno {
    Object.assign(out, {
      blocks: 1000,
      bfree: 600,
      bavail: 500,
      files: this.nodes.size,
      ffree: 99,
      bsize: 4096,
      frsize: 4096,
      namelen: 255,
    });
    return OK;
  }

  /** `user.chmod` = NAME on a directory makes the file of that name 0600, and tells the kernel by a notification. */
  override setxattr(call: Call, id: NodeId, name: ByteString, value: Buffer, flags: number): Errno {
    if (name !== 'user.chmod') return super.setxattr(call, id, name, value, flags);
    const node = this.nodes.get(id)!.children!.get(bytesOf(value))!;
    node.mode = S_IFREG | 0o600;
    this.kernel!.invalidateAttributes(node.id);
    return OK;
  }

  syncfs(): Errno {
    return OK;
  }

  ioctl(_call: Call, id: NodeId, _fh: Fh, command: number, input: Buffer, output: Buffer): Count {
    const node = this.nodes.get(id)!;
    if (command === GETFLAGS) output.writeUInt32LE(node.flags);
    else if (command === FSGETXATTR) output.fill(0);
    else if (command === SETFLAGS && input.length >= 4) node.flags = input.readUInt32LE();
    else return command === SETFLAGS ? -EINVAL : -ENOTTY;
    return 0;
  }
}
