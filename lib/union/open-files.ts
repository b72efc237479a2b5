/**
 * Open real files, one per inode at most, shared by all handles and kept open for a while after the last close:
 * reopening costs nothing.
 *
 * In passthrough the kernel binds a node to one backing file while any handle is open on it. That gives the
 * one rule that keeps lower layers safe (DESIGN §3): a node that is bound to a lower file is never given another
 * backing. When its inode is written to, the node is retired and the open answered ESTALE; the kernel looks the
 * name up again and gets a new node, bound to the upper file. Who holds the retired node can still open it for
 * reading; once no handle is open on it, it is bound to the real file of that time, as any node.
 */
import type { ByteString } from '../base/bytes';
import { EACCES, EPERM, EROFS, ETXTBSY } from '../base/errno';
import { AT_FDCWD, close, openat } from '../sys/open';
import { GUARD_APPEND } from '../sys/stat';
import type { Kernel } from '../vfs/filesystem';
import { O_APPEND, O_NOFOLLOW, O_RDONLY, O_RDWR } from '../vfs/flags';
import type { File, Node } from './inode';

/** The kernel refused a backing for this file: its data goes through read and write. */
const NO_BACKING = -1;

export class OpenFile {
  /** Backing id; 0: not asked for yet. */
  backing = 0;
  /** Nodes and jobs that use it; 0: idle. */
  uses = 0;

  constructor(
    readonly inode: File,
    readonly fd: number,
    readonly upper: boolean,
  ) {}
}

export class OpenFiles {
  private kernel: Kernel | null = null;
  /** Unused files, longest unused first. */
  private readonly idle = new Set<OpenFile>();
  private openCount = 0;

  /** @param upperFlags what upper files are opened with besides, where that is permitted */
  constructor(
    private readonly idleLimit: number,
    private readonly upperFlags = 0,
  ) {}

  init(kernel: Kernel): void {
    this.kernel = kernel;
  }

  get count(): number {
    return this.openCount;
  }

  /** The inode's real file, opened for all that its layer allows; or a negated errno. */
  of(inode: File): OpenFile | number {
    const open = inode.open;
    if (open !== null) {
      if (open.uses === 0) this.touch(open);
      return open;
    }
    const fd = inode.upper ? openUpper(inode, this.upperFlags) : openLower(inode);
    if (fd < 0) return fd;
    return this.adopt(inode, fd);
  }

  /** Takes over a descriptor of the inode's real file, just created. */
  adopt(inode: File, fd: number): OpenFile {
    const file = new OpenFile(inode, fd, inode.upper);
    inode.open = file;
    this.openCount++;
    this.touch(file);
    return file;
  }

  /** Binds a node to the file for one more handle. Returns the backing id, or 0 for read and write. */
  bind(node: Node, file: OpenFile): number {
    node.handles++;
    if (node.bound === null) {
      node.bound = file;
      this.use(file);
    }
    return this.kernel!.passthrough ? Math.max(this.backingOf(node.bound), 0) : 0;
  }

  private backingOf(file: OpenFile): number {
    if (file.backing === 0) {
      const id = this.kernel!.openBacking(file.fd);
      file.backing = id > 0 ? id : NO_BACKING;
    }
    return file.backing;
  }

  /** One handle of the node was closed. */
  unbind(node: Node): void {
    if (--node.handles > 0) return;
    const file = node.bound;
    node.bound = null;
    if (file !== null) this.unuse(file);
  }

  use(file: OpenFile): void {
    file.uses++;
    this.idle.delete(file);
  }

  unuse(file: OpenFile): void {
    if (--file.uses > 0) return;
    if (file.inode.open === file) this.touch(file);
    else this.close(file);
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

  private touch(file: OpenFile): void {
    this.idle.delete(file);
    this.idle.add(file);
    if (this.idle.size <= this.idleLimit) return;
    for (const oldest of this.idle) {
      oldest.inode.open = null;
      this.close(oldest);
      return;
    }
  }

  private close(file: OpenFile): void {
    this.idle.delete(file);
    this.openCount--;
    if (file.backing > 0) this.kernel!.closeBacking(file.backing);
    close(file.fd);
  }
}

function openLower(inode: File): number {
  const dir = inode.lowerDir!.fd();
  return dir < 0 ? dir : openat(dir, inode.lowerName, O_RDONLY | O_NOFOLLOW);
}

/** Read-write, appending where the file is append-only; read-only where it is immutable or swapped to. */
function openUpper(inode: File, flags: number): number {
  const held = inode.held;
  const dir = held >= 0 ? AT_FDCWD : inode.parent!.upper!.fd();
  if (held < 0 && dir < 0) return dir;
  const name = held >= 0 ? (`/proc/self/fd/${held}` as ByteString) : inode.name;
  const follow = held >= 0 ? 0 : O_NOFOLLOW;
  const append = (inode.guard & GUARD_APPEND) !== 0 ? O_APPEND : 0;
  const fd = openat(dir, name, O_RDWR | append | follow | flags);
  // O_NOATIME is for the owner only.
  if (fd === -EPERM && flags !== 0) return openUpper(inode, 0);
  if (fd === -EPERM || fd === -EACCES || fd === -EROFS || fd === -ETXTBSY) {
    return openat(dir, name, O_RDONLY | follow | flags);
  }
  return fd;
}
