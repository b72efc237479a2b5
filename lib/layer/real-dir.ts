/**
 * A real directory in one layer, reached from an open one above it by name, never by an absolute path and never
 * through a symlink.
 *
 * Descriptors are opened on first use and given up again when there are too many (descriptors.ts); one that was used
 * in a request is not given up in it. However deep the directory lies, reaching it opens one descriptor.
 *
 * Of a directory in a read-only layer each fact is asked for once. A call that fails is no fact: it is passed on, and
 * asked again.
 */
import type { ByteString, Name } from '../base/bytes';
import { type Answer, type Count, ENAMETOOLONG, ENOENT, ENOSYS, type Errno } from '../base/errno';
import { close, openat, openat2, RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS } from '../sys/open';
import { newStat, type Stat, statAt } from '../sys/stat';
import type { Descriptors } from './descriptors';
import type { Layer } from './layer';
import { HAS_OPAQUE, MARK_NONE, MARK_XATTR_WHITEOUTS, type PrivateXattrs } from './private-xattr';
import { OCI_OPAQUE } from './whiteout';

const O_DIRECTORY = 0o200000;
const O_NOFOLLOW = 0o400000;
const O_PATH = 0o10000000;
const DIRECTORY = O_PATH | O_DIRECTORY | O_NOFOLLOW;
/** Bytes of a path in one call; the kernel takes 4,096 with the NUL. */
const PATH_BYTES = 4000;
const UNKNOWN = -1;
const marked = newStat();

export class RealDir {
  /** -1 while closed; changed by `fd`, `close` and `pin`. */
  private descriptor: number;
  /** The last request that used it; changed by Descriptors only. */
  lastUse = -1;
  /** Which xattrs it has (HAS_*), once asked for (read-only layers). */
  private xattrs = UNKNOWN;
  /** What its `opaque` xattr says (MARK_*), once asked for; of an upper one, what it said at first. */
  private mark = UNKNOWN;
  /** Does it hold `.wh..wh..opq`? Once asked for (read-only layers). */
  private ociOpaque = UNKNOWN;
  /** A name in it has been looked at. */
  private asked = false;
  /** Is it marked impure? Once asked for (upper layer). */
  private impure = UNKNOWN;
  /** Who pays for the descriptor of a directory that has no name any more; null: it has one. */
  private payer: number | null = null;

  /**
   * @param parent null for a layer's root, whose descriptor is the layer's
   * @param name changed by `moved` only, for upper directories
   */
  constructor(
    readonly layer: Layer,
    private parent: RealDir | null,
    private name: Name,
    private readonly descriptors: Descriptors,
  ) {
    this.descriptor = parent === null ? layer.fd : -1;
  }

  get isLayerRoot(): boolean {
    return this.parent === null;
  }

  /** An O_PATH descriptor of the directory, or a negated errno. */
  fd(): number {
    if (this.descriptor >= 0) {
      this.touch();
      return this.descriptor;
    }
    const parent = this.parent!;
    const fd = parent.descriptor < 0 ? this.openFromAbove() : this.openIn(parent);
    if (fd >= 0) {
      this.descriptor = fd;
      this.descriptors.opened(this);
    }
    return fd;
  }

  private touch(): void {
    if (this.parent !== null && this.payer === null) this.descriptors.used(this);
  }

  private openIn(parent: RealDir): Count {
    parent.touch();
    this.count();
    return openat(parent.descriptor, this.name, DIRECTORY);
  }

  /** From the next directory above that is open: the ones between are not opened for good. */
  private openFromAbove(): Count {
    const names: Name[] = [];
    let from: RealDir = this;
    for (; from.descriptor < 0; from = from.parent!) names.push(from.name);
    from.touch();
    let at = from.descriptor;
    while (names.length > 0) {
      const next = this.step(at, names);
      if (at !== from.descriptor) close(at);
      if (next < 0) return next;
      at = next;
    }
    return at;
  }

  /** Opens as many of the names (the last comes first) as fit into one path, and takes them off the list. */
  private step(at: number, names: Name[]): Count {
    let path = names.pop()!;
    this.count();
    if (!haveOpenat2) return openat(at, path, DIRECTORY);
    while (names.length > 0 && path.length + names.at(-1)!.length < PATH_BYTES) {
      path = `${path}/${names.pop()!}` as Name;
    }
    const fd = openat2(at, path, DIRECTORY, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
    if (fd !== -ENOSYS) return fd;
    haveOpenat2 = false;
    names.push(...(path.split('/').reverse() as Name[]));
    return this.step(at, names);
  }

  /** statx(2) of the directory, opened or not. */
  stat(out: Stat): Errno {
    this.count();
    if (this.descriptor >= 0) return statAt(this.descriptor, null, out);
    const parent = this.parent!.fd();
    return parent < 0 ? -parent : statAt(parent, this.name, out);
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

  /** Which xattrs a name in it has (HAS_* bits). Like `statChild`, it does not open the directory for that. */
  xattrsOfChild(xattrs: PrivateXattrs, name: Name): Count {
    this.count();
    if (this.descriptor >= 0) {
      this.touch();
      return xattrs.of(this.descriptor, name);
    }
    const parent = this.parent!.fd();
    return parent < 0 ? parent : xattrs.of(parent, `${this.name}/${name}` as Name);
  }

  /** Which xattrs it has (HAS_* bits); asked once, opened or not (read-only layers only: there it does not change). */
  xattrsOf(xattrs: PrivateXattrs): Count {
    if (this.xattrs !== UNKNOWN) return this.xattrs;
    const fd = this.reach();
    if (fd < 0) return fd;
    this.count();
    const has = xattrs.of(fd, this.descriptor < 0 ? this.name : null);
    if (has >= 0) this.xattrs = has;
    return has;
  }

  /** What its `opaque` xattr says (MARK_*); asked once, opened or not (read-only layers only). */
  opaqueMark(xattrs: PrivateXattrs): Count {
    if (this.mark !== UNKNOWN) return this.mark;
    const has = this.xattrsOf(xattrs);
    if (has < 0) return has;
    return (has & HAS_OPAQUE) === 0 ? MARK_NONE : this.readMark(xattrs);
  }

  private readMark(xattrs: PrivateXattrs): Count {
    const fd = this.reach();
    if (fd < 0) return fd;
    this.count();
    const mark = xattrs.opaqueMark(fd, this.descriptor < 0 ? this.name : null);
    if (mark >= 0) this.mark = mark;
    return mark;
  }

  /** Does `.wh..wh..opq` in it hide what is below? Looked up once (read-only layers only). */
  isOciOpaque(): Answer {
    if (this.ociOpaque !== UNKNOWN) return this.ociOpaque;
    const fd = this.fd();
    if (fd < 0) return fd;
    this.count();
    const errno = statAt(fd, OCI_OPAQUE, marked);
    if (errno !== 0 && errno !== ENOENT && errno !== ENAMETOOLONG) return -errno;
    this.ociOpaque = errno === 0 ? 1 : 0;
    return this.ociOpaque;
  }

  /** The descriptor, or while it is closed that of the parent, where the directory is a name. */
  private reach(): number {
    return this.descriptor < 0 ? this.parent!.fd() : this.descriptor;
  }

  private count(): void {
    if (this.layer.index > 0) this.descriptors.lowerCalls++;
  }

  /** May files in here have been copied up? Only then do they have an origin (upper layer only). */
  isImpure(xattrs: PrivateXattrs): Answer {
    if (this.impure !== UNKNOWN) return this.impure;
    const fd = this.reach();
    if (fd < 0) return fd;
    const impure = xattrs.isImpure(fd, this.descriptor < 0 ? this.name : null);
    if (impure >= 0) this.impure = impure;
    return impure;
  }

  /** May regular files in here be whiteouts? Asked once. */
  holdsXattrWhiteouts(xattrs: PrivateXattrs): Answer {
    const mark = this.mark !== UNKNOWN ? this.mark : this.readMark(xattrs);
    return mark < 0 ? mark : mark === MARK_XATTR_WHITEOUTS ? 1 : 0;
  }

  /** Is this empty regular file a whiteout? (see private-xattr.ts) */
  isXattrWhiteout(xattrs: PrivateXattrs, name: Name): Answer {
    const may = this.holdsXattrWhiteouts(xattrs);
    if (may !== 1) return may;
    const fd = this.fd();
    return fd < 0 ? fd : xattrs.isXattrWhiteout(fd, name);
  }

  /** Marks it so on disk, once (upper layer only). */
  markImpure(xattrs: PrivateXattrs): Errno {
    const fd = this.fd();
    if (fd < 0) return -fd;
    const errno = this.impure === 1 ? 0 : xattrs.markImpure(fd);
    if (errno === 0) this.impure = 1;
    return errno;
  }

  /** The directory has another name now (upper layer only). */
  moved(parent: RealDir, name: Name): void {
    this.parent = parent;
    this.name = name;
  }

  /** Keeps the descriptor for good, before the name goes away. EMFILE where `uid` pays for too many already. */
  pin(uid: number): Errno {
    const fd = this.fd();
    if (fd < 0) return -fd;
    const errno = this.descriptors.pin(uid);
    if (errno !== 0) return errno;
    this.descriptors.closed(this);
    this.payer = uid;
    return 0;
  }

  unpin(): void {
    if (this.payer === null) return;
    this.descriptors.unpin(this.payer);
    this.payer = null;
    close(this.descriptor);
    this.descriptor = -1;
  }

  close(): void {
    if (this.descriptor < 0 || this.parent === null || this.payer !== null) return;
    this.descriptors.closed(this);
    close(this.descriptor);
    this.descriptor = -1;
  }
}

let haveOpenat2 = true;
