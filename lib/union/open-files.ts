/**
 * Open real files, one per inode at most, shared by all handles and kept open for a while after the last close:
 * reopening costs nothing; and how the data of a node's handles moves. Of a file that the kernel reads and writes by
 * itself only the backing must stay: its descriptor is given up where descriptors are short (lib/layer/descriptors.ts),
 * and opened again when the file is worked on here.
 *
 * Where the kernel has passthrough, the first handle of a node settles that for all that are open together
 * (fs/fuse/iomode.c lets none of the other kind in):
 *
 *   bound     the kernel reads and writes one backing file by itself
 *   cached    (`bound` null) data comes through read and write, and all handles share the node's page cache
 *
 * Small lower files are cached, everything else is bound. A cached file is written to, copied up and read on by the
 * same handles, as any file is. A node that is bound to a lower file is never given another backing: that keeps lower
 * layers safe (DESIGN §3). When its inode is written to, the node is *retired* (see stale-opens.ts): its name gets a
 * new node, and those who have it open keep the lower file.
 */
import type { ByteString } from '../base/bytes';
import {
  type Count,
  EACCES,
  EAGAIN,
  EINTR,
  ENOMEM,
  ENOSPC,
  EPERM,
  EROFS,
  type Errno,
  ETXTBSY,
  OK,
} from '../base/errno';
import type { Descriptors } from '../layer/descriptors';
import { AT_FDCWD, close, openat } from '../sys/open';
import { GUARD_APPEND } from '../sys/stat';
import type { Kernel } from '../vfs/filesystem';
import { O_APPEND, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } from '../vfs/flags';
import type { File, Node } from './inode';

/** The kernel refused a backing for this file: its data goes through read and write. */
const NO_BACKING = -1;
/** Refusals that say nothing of the next time. */
const PASSING: ReadonlySet<Errno> = new Set([EAGAIN, EINTR, ENOMEM, ENOSPC]);
/**
 * Lower files up to this size are cached. They are the ones that are bind-mounted alone, locked and watched; and few
 * enough bytes to be put into the page cache as they are first opened, so that no READ follows.
 */
const SMALL_BYTES = 32 * 1024;

export class OpenFile {
  /** Backing id; 0: not asked for yet. */
  backing = 0;
  /** Nodes and jobs that use it; 0: idle. */
  uses = 0;
  /** Jobs among them, which need the descriptor. */
  jobs = 0;
  /** The last request that used the descriptor. */
  lastUse = -1;

  /** @param fd -1 while given up (see `ready`); changed by OpenFiles only */
  constructor(
    readonly inode: File,
    public fd: number,
    readonly upper: boolean,
  ) {}
}

export class OpenFiles {
  private kernel: Kernel | null = null;
  /** Unused files, longest unused first. */
  private readonly idle = new Set<OpenFile>();
  /** Used ones that have a descriptor, likewise. */
  private readonly bound = new Set<OpenFile>();
  private openCount = 0;
  /** The last file that could not be opened without waiting for a lease on it (lease-waits.ts). Set back by who waits. */
  leased: File | null = null;

  /** @param upperFlags what upper files are opened with besides, where that is permitted */
  constructor(
    private readonly descriptors: Descriptors,
    private readonly upperFlags = 0,
  ) {
    descriptors.onShortage(() => this.giveUpOne());
  }

  init(kernel: Kernel): void {
    this.kernel = kernel;
  }

  get count(): number {
    return this.openCount;
  }

  /**
   * The inode's real file, opened for all that its layer allows; or a negated errno: EAGAIN, with `leased` set, where
   * that would wait for somebody who holds a lease.
   */
  of(inode: File): OpenFile | number {
    const open = inode.open;
    if (open !== null) return this.ready(open);
    const fd = this.openReal(inode, inode.upper);
    return fd < 0 ? fd : this.adopt(inode, fd);
  }

  /** The file with a descriptor that is valid for this request, or a negated errno. */
  ready(file: OpenFile): OpenFile | number {
    if (file.fd < 0) {
      const fd = this.openReal(file.inode, file.upper);
      if (fd < 0) return fd;
      file.fd = fd;
      this.descriptors.countFile(1);
    }
    this.touch(file);
    return file;
  }

  private openReal(inode: File, upper: boolean): number {
    const fd = upper ? openUpper(inode, this.upperFlags) : openLower(inode);
    if (fd === -EAGAIN) this.leased = inode;
    return fd;
  }

  /** Takes over a descriptor of the inode's real file, just created. */
  adopt(inode: File, fd: number): OpenFile {
    const file = new OpenFile(inode, fd, inode.upper);
    inode.open = file;
    this.openCount++;
    this.touch(file);
    this.descriptors.countFile(1);
    return file;
  }

  /**
   * One more handle on a node of the inode. Returns the backing id that the kernel must use for it, 0 where data comes
   * through read and write, or a negated errno.
   */
  bind(node: Node, inode: File): Count {
    if (node.bound === null) {
      const errno =
        node.handles === 0 && !this.isCached(inode) ? this.bindFirst(node, inode) : this.warm(node, inode);
      if (errno !== OK) return -errno;
    }
    node.handles++;
    return node.bound === null ? 0 : node.bound.backing;
  }

  private isCached(inode: File): boolean {
    return !this.kernel!.passthrough || (!inode.upper && inode.lowerSize <= SMALL_BYTES);
  }

  private bindFirst(node: Node, inode: File): Errno {
    const file = this.of(inode);
    if (typeof file === 'number') return -file;
    if (this.backingOf(file) > 0) {
      node.bound = file;
      this.start(file);
    }
    return OK;
  }

  /** Before a cached node's first handle: its file can be read, and a small lower one is read into the page cache. */
  private warm(node: Node, inode: File): Errno {
    if (node.warm) return OK;
    const file = this.of(inode);
    if (typeof file === 'number') return -file;
    node.warm = true;
    // While a handle is open, a page may be locked until we have answered a READ of it.
    if (this.kernel!.passthrough && node.handles === 0 && !inode.upper) {
      this.kernel!.storeContent(node.id, file.fd, inode.lowerSize);
    }
    return OK;
  }

  private backingOf(file: OpenFile): number {
    if (file.backing === 0) {
      const id = this.kernel!.openBacking(file.fd);
      if (PASSING.has(-id)) return id;
      file.backing = id > 0 ? id : NO_BACKING;
    }
    return file.backing;
  }

  /** One handle of the node was closed. */
  unbind(node: Node): void {
    if (--node.handles > 0) return;
    const file = node.bound;
    node.bound = null;
    if (file !== null) this.end(file);
  }

  /** A job works on the descriptor. */
  use(file: OpenFile): void {
    file.jobs++;
    this.start(file);
  }

  /** It is done. */
  unuse(file: OpenFile): void {
    file.jobs--;
    this.end(file);
  }

  private start(file: OpenFile): void {
    if (file.uses++ > 0) return;
    this.idle.delete(file);
    if (file.fd >= 0) this.bound.add(file);
  }

  private end(file: OpenFile): void {
    if (--file.uses > 0) return;
    this.bound.delete(file);
    if (file.inode.open !== file || file.fd < 0) this.close(file);
    else this.idle.add(file);
  }

  /** The inode's real file is another one from now on, or the inode is gone. */
  discard(inode: File): void {
    const file = inode.open;
    if (file === null) return;
    inode.open = null;
    if (file.uses === 0) this.close(file);
  }

  closeAll(): void {
    for (const file of this.idle) this.close(file);
  }

  /** Used in this request: it stays open until that ends. The order among the others matters when they are many. */
  private touch(file: OpenFile): void {
    file.lastUse = this.descriptors.now;
    const set = file.uses > 0 ? this.bound : this.idle;
    if (this.descriptors.isScarce) set.delete(file);
    set.add(file);
  }

  /** Closes an idle file, else gives up the descriptor of a used one: the kernel needs it no more. */
  private giveUpOne(): boolean {
    for (const file of this.idle) {
      if (file.lastUse === this.descriptors.now) continue;
      this.close(file);
      return true;
    }
    for (const file of this.bound) {
      if (file.lastUse === this.descriptors.now || file.jobs > 0) continue;
      this.bound.delete(file);
      this.closeDescriptor(file);
      return true;
    }
    return false;
  }

  private close(file: OpenFile): void {
    if (file.inode.open === file) file.inode.open = null;
    this.idle.delete(file);
    this.openCount--;
    if (file.backing > 0) this.kernel!.closeBacking(file.backing);
    if (file.fd >= 0) this.closeDescriptor(file);
  }

  private closeDescriptor(file: OpenFile): void {
    close(file.fd);
    file.fd = -1;
    this.descriptors.countFile(-1);
  }
}

/** What an open must not wait for: leases, and what a hostile layer may have put in the place of a regular file. */
function openLower(inode: File): number {
  const dir = inode.lowerDir!.fd();
  return dir < 0 ? dir : openat(dir, inode.lowerName, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
}

/** Read-write, appending where the file is append-only; read-only where it is immutable or swapped to. */
function openUpper(inode: File, flags: number): number {
  const held = inode.held;
  const dir = held >= 0 ? AT_FDCWD : inode.parent!.upper!.fd();
  if (held < 0 && dir < 0) return dir;
  const name = held >= 0 ? (`/proc/self/fd/${held}` as ByteString) : inode.name;
  const follow = (held >= 0 ? 0 : O_NOFOLLOW) | O_NONBLOCK;
  const append = (inode.guard & GUARD_APPEND) !== 0 ? O_APPEND : 0;
  const fd = openat(dir, name, O_RDWR | append | follow | flags);
  // O_NOATIME is for the owner only.
  if (fd === -EPERM && flags !== 0) return openUpper(inode, 0);
  if (fd === -EPERM || fd === -EACCES || fd === -EROFS || fd === -ETXTBSY) {
    return openat(dir, name, O_RDONLY | follow | flags);
  }
  return fd;
}
