/**
 * A real directory in one layer, reached from its parent as (descriptor, name), never by a path and never through
 * a symlink.
 *
 * Descriptors are opened on first use and closed again when there are too many (`DirDescriptors`); one that was
 * used since `beginRequest` is never closed, so a descriptor stays valid for the request that asked for it.
 */
import type { ByteString, Name } from '../base/bytes';
import type { Errno } from '../base/errno';
import { close, openat } from '../sys/open';
import { newStat, type Stat, statAt } from '../sys/stat';
import type { Layer } from './layer';
import type { OpaqueMark, PrivateXattrs } from './private-xattr';
import { OCI_OPAQUE } from './whiteout';

const O_DIRECTORY = 0o200000;
const O_NOFOLLOW = 0o400000;
const O_PATH = 0o10000000;
const marked = newStat();

/** The open descriptors of all real directories, oldest first; at most about `limit` of them. */
export class DirDescriptors {
  private readonly open = new Set<RealDir>();
  private request = 0;
  /** System calls made to reach and to stat directories of read-only layers; changed by RealDir only. */
  lowerCalls = 0;

  constructor(private readonly limit: number) {}

  /** What was used before may be closed from here on. */
  beginRequest(): void {
    this.request++;
  }

  get count(): number {
    return this.open.size;
  }

  /** Called by RealDir only. */
  opened(dir: RealDir): void {
    this.open.add(dir);
    if (this.open.size <= this.limit) return;
    for (const old of this.open) {
      if (this.open.size <= this.limit) return;
      if (old.lastUse === this.request) return;
      old.close();
    }
  }

  /** Called by RealDir only. */
  closed(dir: RealDir): void {
    this.open.delete(dir);
  }

  /** Called by RealDir only. */
  used(dir: RealDir): void {
    if (dir.lastUse === this.request) return;
    dir.lastUse = this.request;
    if (this.open.size * 2 < this.limit) return;
    this.open.delete(dir);
    this.open.add(dir);
  }

  closeAll(): void {
    for (const dir of this.open) dir.close();
  }
}

export class RealDir {
  /** -1 while closed; changed by `fd`, `close` and `pin`. */
  private descriptor: number;
  /** The last request that used it; changed by DirDescriptors only. */
  lastUse = -1;
  /** What its `opaque` xattr says, once asked for (read-only layers). */
  private mark: OpaqueMark | null = null;
  /** Does it hold `.wh..wh..opq`? null: not looked at yet (read-only layers). */
  private ociOpaque: boolean | null = null;
  /** A name in it has been looked at. */
  private asked = false;
  /** Is it marked impure? null: not looked at yet. */
  private impure: boolean | null = null;
  /** May it hold whiteouts that are files with an xattr? null: not looked at yet. */
  private xattrWhiteouts: boolean | null = null;
  /** A pinned descriptor is closed by nobody but `unpin`: the directory has no name any more. */
  private pinned = false;

  /**
   * @param parent null for a layer's root, whose descriptor is the layer's
   * @param name changed by `moved` only, for upper directories
   */
  constructor(
    readonly layer: Layer,
    private parent: RealDir | null,
    private name: Name,
    private readonly descriptors: DirDescriptors,
  ) {
    this.descriptor = parent === null ? layer.fd : -1;
  }

  get isLayerRoot(): boolean {
    return this.parent === null;
  }

  /** An O_PATH descriptor of the directory, or a negated errno. */
  fd(): number {
    if (this.descriptor >= 0) {
      if (this.parent !== null && !this.pinned) this.descriptors.used(this);
      return this.descriptor;
    }
    const parent = this.parent!.fd();
    if (parent < 0) return parent;
    this.count();
    const fd = openat(parent, this.name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    if (fd >= 0) {
      this.descriptor = fd;
      this.descriptors.used(this);
      this.descriptors.opened(this);
    }
    return fd;
  }

  /** statx(2) of the directory, opened or not. */
  stat(out: Stat): Errno {
    if (this.descriptor < 0) {
      const parent = this.parent!.fd();
      if (parent < 0) return -parent;
      this.count();
      return statAt(parent, this.name, out);
    }
    this.count();
    return statAt(this.descriptor, null, out);
  }

  /**
   * statx(2) of a name in a directory of a read-only layer. The first does not open the directory: in a deep stack
   * there may be no other. What is followed then is a directory: the layer does not change.
   */
  statChild(name: Name, out: Stat): Errno {
    if (this.descriptor < 0 && !this.asked) {
      this.asked = true;
      const parent = this.parent!.fd();
      return parent < 0 ? -parent : statAt(parent, `${this.name}/${name}` as ByteString, out);
    }
    const fd = this.fd();
    return fd < 0 ? -fd : statAt(fd, name, out);
  }

  /** What its `opaque` xattr says; asked once, opened or not (read-only layers only: there it does not change). */
  opaqueMark(xattrs: PrivateXattrs): OpaqueMark {
    if (this.mark !== null) return this.mark;
    const fd = this.reach();
    if (fd < 0) return 'none';
    this.count();
    this.mark = xattrs.opaqueMark(fd, this.descriptor < 0 ? this.name : null);
    return this.mark;
  }

  /** Does `.wh..wh..opq` in it hide what is below? Looked up once (read-only layers only). */
  isOciOpaque(): boolean {
    if (this.ociOpaque !== null) return this.ociOpaque;
    const fd = this.fd();
    if (fd < 0) return false;
    this.count();
    this.ociOpaque = statAt(fd, OCI_OPAQUE, marked) === 0;
    return this.ociOpaque;
  }

  /** The descriptor, or while it is closed that of the parent, where the directory is a name. */
  private reach(): number {
    return this.descriptor < 0 ? this.parent!.fd() : this.descriptor;
  }

  private count(): void {
    if (this.layer.index > 0) this.descriptors.lowerCalls++;
  }

  /** May files in here have been copied up, or stand for others? Only then do they have overlayfs's xattrs. */
  isImpure(xattrs: PrivateXattrs): boolean {
    if (this.impure !== null) return this.impure;
    const fd = this.reach();
    this.count();
    this.impure = xattrs.isImpure(fd, this.descriptor < 0 ? this.name : null);
    return this.impure;
  }

  /** Is this empty regular file a whiteout? (see private-xattr.ts) */
  isXattrWhiteout(xattrs: PrivateXattrs, name: Name): boolean {
    this.xattrWhiteouts ??= xattrs.hasXattrWhiteouts(this.fd());
    return this.xattrWhiteouts && xattrs.isXattrWhiteout(this.fd(), name);
  }

  /** It is known not to be. */
  knowPure(): void {
    this.impure = false;
  }

  /** Marks it so on disk, once (upper layer only). */
  markImpure(xattrs: PrivateXattrs): Errno {
    const fd = this.fd();
    if (fd < 0) return -fd;
    const errno = this.impure === true ? 0 : xattrs.markImpure(fd);
    if (errno === 0) this.impure = true;
    return errno;
  }

  /** The directory has another name now (upper layer only). */
  moved(parent: RealDir, name: Name): void {
    this.parent = parent;
    this.name = name;
  }

  /** Keeps the descriptor for good, before the name goes away. */
  pin(): Errno {
    const fd = this.fd();
    if (fd < 0) return -fd;
    this.descriptors.closed(this);
    this.pinned = true;
    return 0;
  }

  unpin(): void {
    if (!this.pinned) return;
    this.pinned = false;
    close(this.descriptor);
    this.descriptor = -1;
  }

  close(): void {
    if (this.descriptor < 0 || this.parent === null || this.pinned) return;
    this.descriptors.closed(this);
    close(this.descriptor);
    this.descriptor = -1;
  }
}
