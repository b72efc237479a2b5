/**
 * The tree of a MemoryFileSystem: nodes, names, attributes and xattrs, with exact lookup counts. The data of each
 * regular file is in a real (unnamed) file.
 */
import type { ByteString, Name } from '../../lib/base/bytes';
import {
  type Count,
  EEXIST,
  EISDIR,
  ENODATA,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  ERANGE,
  type Errno,
  OK,
} from '../../lib/base/errno';
import { type Fh, type Ino, type NodeId, ROOT_NODE } from '../../lib/base/ids';
import { ftruncate } from '../../lib/sys/attr';
import { AT_FDCWD, close, openat } from '../../lib/sys/open';
import { newStat, statAt } from '../../lib/sys/stat';
import {
  O_RDWR,
  O_TMPFILE,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from '../../lib/vfs/flags';
import { type Attr, type Call, type Entry, type SetAttr, TimeSource } from '../../lib/vfs/types';

/** One file of the tree. */
export interface MemoryNode {
  readonly id: NodeId;
  mode: number;
  uid: number;
  gid: number;
  nlink: number;
  rdev: readonly [major: number, minor: number];
  mtime: readonly [sec: number, ns: number];
  atime: readonly [sec: number, ns: number];
  /** Of a directory. */
  readonly children: Map<Name, MemoryNode> | null;
  parent: NodeId;
  target: ByteString;
  /** Data of a regular file, or -1. */
  readonly fd: number;
  readonly xattrs: Map<ByteString, Buffer>;
  lookups: number;
  flags: number;
}

export class MemoryTree {
  /** What create and friends saw last. */
  readonly lastCall = { uid: -1, gid: -1, group: -2, umask: -1 };
  protected readonly nodes = new Map<NodeId, MemoryNode>();
  private next = 1;
  private readonly stat = newStat();

  /** @param scratchDir where data files are made; its file system must have O_TMPFILE */
  constructor(private readonly scratchDir: ByteString) {
    this.make(ROOT_NODE, S_IFDIR | 0o777);
  }

  protected make(parent: NodeId, mode: number): MemoryNode {
    const id = this.next++ as NodeId;
    const regular = (mode & S_IFMT) === S_IFREG;
    const now = [Math.floor(Date.now() / 1000), 123456789] as const;
    const node: MemoryNode = {
      id,
      mode,
      uid: 0,
      gid: 0,
      nlink: (mode & S_IFMT) === S_IFDIR ? 2 : 1,
      rdev: [0, 0],
      mtime: now,
      atime: now,
      children: (mode & S_IFMT) === S_IFDIR ? new Map() : null,
      parent,
      target: '' as ByteString,
      fd: regular ? openat(AT_FDCWD, this.scratchDir, O_TMPFILE | O_RDWR, 0o600) : -1,
      xattrs: new Map(),
      lookups: 0,
      flags: 0,
    };
    this.nodes.set(id, node);
    return node;
  }

  protected add(call: Call, parentId: NodeId, name: Name, mode: number, out: Entry): MemoryNode | Errno {
    const parent = this.nodes.get(parentId)!;
    if (parent.children!.has(name)) return EEXIST;
    Object.assign(this.lastCall, { uid: call.uid, gid: call.gid, group: call.group, umask: call.umask });
    const node = this.make(parentId, mode & ~((mode & S_IFMT) === S_IFLNK ? 0 : call.umask));
    node.uid = call.uid;
    node.gid = call.gid;
    parent.children!.set(name, node);
    return this.give(node, out);
  }

  protected give(node: MemoryNode, out: Entry): MemoryNode {
    node.lookups++;
    out.node = node.id;
    this.fillAttr(node, out.attr);
    return node;
  }

  protected fillAttr(node: MemoryNode, out: Attr): void {
    if (node.fd >= 0) statAt(node.fd, null, this.stat);
    out.ino = (1000 + node.id) as Ino;
    out.mode = node.mode;
    out.nlink = node.nlink;
    out.uid = node.uid;
    out.gid = node.gid;
    [out.rdevMajor, out.rdevMinor] = node.rdev;
    out.size = node.fd >= 0 ? this.stat.size : node.target.length;
    out.blocks = node.fd >= 0 ? this.stat.blocks : 0;
    out.blksize = 4096;
    [out.mtimeSec, out.mtimeNs] = node.mtime;
    [out.ctimeSec, out.ctimeNs] = node.mtime;
    [out.atimeSec, out.atimeNs] = node.atime;
    out.hasBtime = true;
    out.btimeSec = 1_000_000_000;
    out.btimeNs = 42;
  }

  lookup(_call: Call, parent: NodeId, name: Name, out: Entry): Errno {
    const node = this.nodes.get(parent)!.children?.get(name);
    if (node === undefined) return ENOENT;
    this.give(node, out);
    return OK;
  }

  forget(id: NodeId, count: number): void {
    const node = this.nodes.get(id)!;
    node.lookups -= count;
    if (node.lookups < 0) throw new Error(`node ${id} is forgotten more often than looked up`);
    if (node.lookups === 0 && node.nlink === 0) {
      if (node.fd >= 0) close(node.fd);
      this.nodes.delete(id);
    }
  }

  getattr(_call: Call, id: NodeId, _fh: Fh, out: Attr): Errno {
    this.fillAttr(this.nodes.get(id)!, out);
    return OK;
  }

  setattr(_call: Call, id: NodeId, _fh: Fh, change: SetAttr, out: Attr): Errno {
    const node = this.nodes.get(id)!;
    if (change.mode !== null) node.mode = (node.mode & S_IFMT) | change.mode;
    node.uid = change.uid ?? node.uid;
    node.gid = change.gid ?? node.gid;
    if (change.size !== null) ftruncate(node.fd, change.size);
    const now = [Math.floor(Date.now() / 1000), 987654321] as const;
    if (change.mtime !== TimeSource.Keep) {
      node.mtime = change.mtime === TimeSource.Now ? now : [change.mtimeSec, change.mtimeNs];
    }
    if (change.atime !== TimeSource.Keep) {
      node.atime = change.atime === TimeSource.Now ? now : [change.atimeSec, change.atimeNs];
    }
    this.fillAttr(node, out);
    return OK;
  }

  readlink(_call: Call, id: NodeId, into: Buffer): Count {
    return into.write(this.nodes.get(id)!.target, 'latin1');
  }

  mknod(
    call: Call,
    parent: NodeId,
    name: Name,
    mode: number,
    major: number,
    minor: number,
    out: Entry,
  ): Errno {
    const node = this.add(call, parent, name, mode, out);
    if (typeof node === 'number') return node;
    node.rdev = [major, minor];
    this.fillAttr(node, out.attr);
    return OK;
  }

  mkdir(call: Call, parent: NodeId, name: Name, mode: number, out: Entry): Errno {
    const node = this.add(call, parent, name, S_IFDIR | mode, out);
    return typeof node === 'number' ? node : OK;
  }

  symlink(call: Call, parent: NodeId, name: Name, target: ByteString, out: Entry): Errno {
    const node = this.add(call, parent, name, S_IFLNK | 0o777, out);
    if (typeof node === 'number') return node;
    node.target = target;
    this.fillAttr(node, out.attr);
    return OK;
  }

  link(_call: Call, id: NodeId, newParent: NodeId, newName: Name, out: Entry): Errno {
    const node = this.nodes.get(id)!;
    node.nlink++;
    this.nodes.get(newParent)!.children!.set(newName, node);
    this.give(node, out);
    return OK;
  }

  unlink(_call: Call, parent: NodeId, name: Name): Errno {
    const children = this.nodes.get(parent)!.children!;
    const node = children.get(name);
    if (node === undefined) return ENOENT;
    if (node.children !== null) return EISDIR;
    children.delete(name);
    node.nlink--;
    return OK;
  }

  rmdir(_call: Call, parent: NodeId, name: Name): Errno {
    const children = this.nodes.get(parent)!.children!;
    const node = children.get(name);
    if (node === undefined) return ENOENT;
    if (node.children === null) return ENOTDIR;
    if (node.children.size > 0) return ENOTEMPTY;
    children.delete(name);
    node.nlink = 0;
    return OK;
  }

  rename(_call: Call, parent: NodeId, name: Name, newParent: NodeId, newName: Name, flags: number): Errno {
    const from = this.nodes.get(parent)!.children!;
    const to = this.nodes.get(newParent)!.children!;
    const node = from.get(name);
    const other = to.get(newName);
    if (node === undefined) return ENOENT;
    if (flags === RENAME_NOREPLACE && other !== undefined) return EEXIST;
    if (flags === RENAME_EXCHANGE) {
      if (other === undefined) return ENOENT;
      from.set(name, other);
    } else {
      from.delete(name);
      if (other !== undefined) other.nlink--;
    }
    to.set(newName, node);
    return OK;
  }

  /** Offsets are positions, stable as long as nothing is removed. */
  protected list(
    id: NodeId,
    offset: number,
    visit: (name: Name, node: MemoryNode, next: number) => boolean,
  ): Errno {
    const directory = this.nodes.get(id)!;
    const all: [Name, MemoryNode][] = [
      ['.' as Name, directory],
      ['..' as Name, this.nodes.get(directory.parent)!],
      ...directory.children!,
    ];
    for (let i = offset; i < all.length; i++) if (!visit(...all[i]!, i + 1)) break;
    return OK;
  }

  getxattr(_call: Call, id: NodeId, name: ByteString, into: Buffer): Count {
    const value = this.nodes.get(id)!.xattrs.get(name);
    if (value === undefined) return -ENODATA;
    return copyOut(value, into);
  }

  listxattr(_call: Call, id: NodeId, into: Buffer): Count {
    return copyOut(
      Buffer.from([...this.nodes.get(id)!.xattrs.keys()].map((key) => `${key}\0`).join(''), 'latin1'),
      into,
    );
  }

  setxattr(_call: Call, id: NodeId, name: ByteString, value: Buffer, _flags: number): Errno {
    this.nodes.get(id)!.xattrs.set(name, Buffer.from(value));
    return OK;
  }

  removexattr(_call: Call, id: NodeId, name: ByteString): Errno {
    return this.nodes.get(id)!.xattrs.delete(name) ? OK : ENODATA;
  }
}

function copyOut(value: Buffer, into: Buffer): Count {
  if (into.length === 0) return value.length;
  if (into.length < value.length) return -ERANGE;
  return value.copy(into);
}
