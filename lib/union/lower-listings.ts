/**
 * Looks names up in the read-only part of a directory. It never changes while mounted, so it is listed once, all
 * layers merged, and from then on a name, present or absent, costs no system call however many layers there are.
 * A directory too large to be listed for one lookup is probed name by name until listing it pays, and while it is
 * being listed: that is done in slices (slices.ts), and no lookup waits for it.
 */
import type { ByteString, Name } from '../base/bytes';
import { type Answer, EACCES, ENAMETOOLONG, ENOENT, EPERM, type Errno, OK } from '../base/errno';
import { LongMap } from '../base/long-map';
import { type ListingIndex, MAX_NAMES as MAX_RECORD_NAMES } from '../index/index-store';
import type { Fingerprint, ListedName, Listing } from '../index/listing';
import { HAS_REDIRECT, MARK_OPAQUE, MARK_XATTR_WHITEOUTS, type PrivateXattrs } from '../layer/private-xattr';
import { type LayerVisitor, readLayer } from '../layer/read-layer';
import type { RealDir } from '../layer/real-dir';
import { hiddenByOci, isWhiteout, ociWhiteoutOf } from '../layer/whiteout';
import { newStat, statAt } from '../sys/stat';
import { dirTypeOf, S_IFDIR, S_IFMT, S_IFREG } from '../vfs/flags';
import type { Dir } from './inode';
import type { Slices, Steps } from './slices';

const DT_DIR = S_IFDIR >> 12;
/** Directories of up to about this many names are listed at their first lookup. */
const LIST_AT_ONCE = 4096;
/** A larger one is listed when this share of its names was probed. */
const LIST_AFTER_SHARE = 1 / 8;
/** `probes` of a directory that may be entered but not read. */
const NEVER_LISTED = Number.NEGATIVE_INFINITY;
/** A directory's st_size per name, at the least, on the usual file systems. */
const BYTES_PER_NAME = 20;
/** Names kept in memory; the listings loaded first are dropped above it. */
const MAX_NAMES = 2_000_000;

/** At the least: open, two of getdents, close. */
const CALLS_TO_LIST = 4;

const stat = newStat();

/** The directory's place in the read-only stack, which is its place in the view: what is merged never moves. */
function pathOf(dir: Dir): ByteString {
  const names: Name[] = [];
  for (let at = dir; at.parent !== null; at = at.parent) names.push(at.name);
  return names.reverse().join('/') as ByteString;
}

function sameFingerprints(a: readonly Fingerprint[], b: readonly Fingerprint[]): boolean {
  return (
    a.length === b.length &&
    a.every((one, i) => {
      const other = b[i]!;
      return (
        one.layer === other.layer &&
        one.ino === other.ino &&
        one.ctimeNs === other.ctimeNs &&
        one.ctimeSec === other.ctimeSec &&
        one.devMajor === other.devMajor &&
        one.devMinor === other.devMinor
      );
    })
  );
}

export class LowerListings {
  private readonly loaded = new Set<Dir>();
  private names = 0;
  /** System calls made in lower layers to find names, but for those of RealDir. */
  probes = 0;
  listed = 0;

  constructor(
    private readonly xattrs: PrivateXattrs,
    private readonly index: ListingIndex,
    private readonly slices: Slices,
  ) {}

  /** What the read-only part of a directory has under a name; ENOENT where it has nothing. */
  find(dir: Dir, name: Name): ListedName | Errno {
    if (dir.lowers.length === 0) return ENOENT;
    const unsettled = this.settle(dir);
    if (unsettled !== OK) return unsettled;
    if (dir.listing === null && dir.work?.errno !== null && this.listingPays(dir)) {
      const errno = this.list(dir);
      if (errno !== 0) return errno;
    }
    return dir.listing === null ? this.recall(dir, name) : (dir.listing.get(name) ?? ENOENT);
  }

  /** A name of a directory too large to be listed: as the index knows it, else as the layers say. */
  private recall(dir: Dir, name: Name): ListedName | Errno {
    if (hiddenByOci(name) !== null) return ENOENT;
    const fingerprints = this.fingerprintsOf(dir);
    const path = pathOf(dir);
    const record = fingerprints === null ? null : this.index.getName(path, name);
    if (record !== null && sameFingerprints(record.fingerprints, fingerprints!))
      return record.entry ?? ENOENT;
    const found = this.probe(dir, name);
    if (fingerprints !== null && (typeof found !== 'number' || found === ENOENT)) {
      this.index.putName(path, name, { fingerprints, entry: typeof found === 'number' ? null : found });
    }
    return found;
  }

  /** Lists a directory for a lookup, in slices where that takes long. OK too where it may not be read. */
  private list(dir: Dir): Errno {
    const work = this.slices.begin(null, () => this.listOrGiveUp(dir));
    dir.work = work;
    return work.errno === null || work.errno === EACCES ? 0 : work.errno;
  }

  private *listOrGiveUp(dir: Dir): Steps {
    const errno = yield* this.load(dir, new LongMap());
    if (errno !== 0) dir.probes = NEVER_LISTED;
    return errno;
  }

  /**
   * Finds out how far down a merged directory goes: to its first opaque part. A record of the index that still
   * holds says so, and gives the listing with it. Fails, and asks again next time, where a part does not tell; EPERM
   * where one of them has a redirect, which we do not follow (fs/overlayfs/namei.c:ovl_lookup).
   */
  settle(dir: Dir): Errno {
    if (dir.settled) return OK;
    const record = dir.lowers.length > 1 ? this.index.get(pathOf(dir)) : null;
    if (record !== null) {
      const parts = dir.lowers.slice(0, record.fingerprints.length);
      const fingerprints = this.fingerprint(parts);
      if (fingerprints !== null && sameFingerprints(record.fingerprints, fingerprints)) {
        const whole = parts.length === dir.lowers.length ? 1 : this.isOpaque(parts.at(-1)!);
        if (whole < 0) return -whole;
        if (whole === 1) {
          dir.lowers = parts;
          dir.fingerprints = fingerprints;
          dir.settled = true;
          if ('parts' in record) dir.keptParts = record.parts;
          else this.keep(dir, record.listing);
          return OK;
        }
      }
    }
    return this.findBottom(dir);
  }

  private findBottom(dir: Dir): Errno {
    const { lowers } = dir;
    const deepest = dir.parent?.lowers.at(-1)?.layer.index;
    for (let at = 0; at < lowers.length; at++) {
      const part = lowers[at]!;
      if (part.isLayerRoot || (at === lowers.length - 1 && part.layer.index === deepest)) continue;
      const mark = part.opaqueMark(this.xattrs);
      if (mark < 0) return -mark;
      if (mark === MARK_OPAQUE) {
        dir.lowers = lowers.slice(0, at + 1);
        break;
      }
      if (this.isRedirected(part)) return EPERM;
    }
    dir.settled = true;
    return OK;
  }

  /** The root of a layer never is, as in overlayfs, whatever is marked there. */
  private isOpaque(part: RealDir): Answer {
    if (part.isLayerRoot) return 0;
    const mark = part.opaqueMark(this.xattrs);
    return mark < 0 ? mark : mark === MARK_OPAQUE ? 1 : 0;
  }

  /** Preconditions: its `opaque` mark is known, and with it which xattrs it has. */
  private isRedirected(part: RealDir): boolean {
    return (part.xattrsOf(this.xattrs) & HAS_REDIRECT) !== 0;
  }

  /**
   * Null where a change would not show: whiteouts told by xattrs come and go without a trace in the directory. Null
   * for a redirected one too: of what has a record, no part is. And null where something fails: there is no record to
   * be used or written this time.
   * Preconditions: settled, and not read yet, so that a later change shows.
   */
  private fingerprintsOf(dir: Dir): readonly Fingerprint[] | null {
    if (dir.fingerprints !== null) return dir.fingerprints;
    for (const part of dir.lowers) {
      const mark = part.opaqueMark(this.xattrs);
      if (mark < 0 || mark === MARK_XATTR_WHITEOUTS || this.isRedirected(part)) return null;
    }
    dir.fingerprints = this.fingerprint(dir.lowers);
    return dir.fingerprints;
  }

  /**
   * What tells these real directories from others and from what they were before; null where one is gone, or
   * lies on a stacked file system, whose directories change when others below them do.
   */
  private fingerprint(parts: readonly RealDir[]): readonly Fingerprint[] | null {
    const fingerprints: Fingerprint[] = [];
    for (const part of parts) {
      if (part.layer.stacked || part.stat(stat) !== 0) return null;
      const { ino, ctimeSec, ctimeNs, devMajor, devMinor } = stat;
      fingerprints.push({ layer: part.layer.index, devMajor, devMinor, ino, ctimeSec, ctimeNs });
    }
    return fingerprints;
  }

  /** The real directory of a layer among those that make a directory, which are in the order of layers. */
  static inLayer(dir: Dir, layer: number): RealDir {
    const { lowers } = dir;
    let low = 0;
    for (let high = lowers.length - 1; low < high; ) {
      const middle = (low + high) >> 1;
      if (lowers[middle]!.layer.index < layer) low = middle + 1;
      else high = middle;
    }
    return lowers[low]!;
  }

  private listingPays(dir: Dir): boolean {
    if (dir.probes === 0) {
      let bytes = 0;
      for (const lower of dir.lowers) {
        const fd = lower.fd();
        this.probes++;
        // Listing it will say what is wrong.
        if (fd < 0 || statAt(fd, null, stat) !== OK) return true;
        bytes += stat.size;
      }
      const names = bytes / BYTES_PER_NAME;
      if (names <= LIST_AT_ONCE) return true;
      dir.probes = -names * LIST_AFTER_SHARE;
    }
    dir.probes += dir.lowers.length;
    return dir.probes >= 0;
  }

  /**
   * Lists the read-only part of a directory into `listing`, which is the directory's once it is whole.
   * Preconditions: settled, and `listing` is empty.
   */
  *load(dir: Dir, listing: Listing): Steps {
    if (dir.keptParts > 0) {
      if (yield* this.recallParts(dir, listing)) {
        this.keep(dir, listing);
        return 0;
      }
      dir.keptParts = 0;
      listing.clear();
    }
    const fingerprints = this.worthKeeping(dir) ? this.fingerprintsOf(dir) : null;
    const path = pathOf(dir);
    const closed = new LongMap<Name, true>();
    let open = true;
    for (const lower of dir.lowers) {
      if (!open) break;
      const errno = yield* this.merge(listing, closed, lower, lower === dir.lowers.at(-1), () => {
        open = false;
      });
      if (errno !== 0) return errno;
    }
    this.keep(dir, listing);
    if (fingerprints === null) return 0;
    if (listing.size <= MAX_RECORD_NAMES) this.index.put(path, { fingerprints, listing });
    else yield* this.putParts(path, fingerprints, listing);
    return 0;
  }

  /** Keeps a long listing in parts, a step for each, and the head once all of them are kept. */
  private *putParts(
    path: ByteString,
    fingerprints: readonly Fingerprint[],
    listing: Listing,
  ): Generator<void, void> {
    let parts = 0;
    const all = listing.entries();
    for (let next = all.next(); next.done !== true; ) {
      const part: Listing = new Map();
      for (; next.done !== true && part.size < MAX_RECORD_NAMES; next = all.next()) {
        part.set(next.value[0], next.value[1]);
      }
      yield;
      if (!this.index.putPart(path, parts++, { fingerprints, listing: part })) return;
      yield;
    }
    this.index.put(path, { fingerprints, parts });
  }

  /** Takes a long listing from the index, a step for each part. False where that does not have all of it. */
  private *recallParts(dir: Dir, listing: Listing): Generator<void, boolean> {
    const path = pathOf(dir);
    for (let n = 0; n < dir.keptParts; n++) {
      const part = this.index.getPart(path, n);
      if (part === null || !sameFingerprints(part.fingerprints, dir.fingerprints!)) return false;
      yield;
      for (const [name, listed] of part.listing) listing.set(name, listed);
      yield;
    }
    return true;
  }

  /** One small directory is read as fast as its record. */
  private worthKeeping(dir: Dir): boolean {
    return dir.lowers.length > 1;
  }

  /** Adds one layer's names below those already there. `closed`: names whose lower namesakes are hidden. */
  private *merge(
    listing: Listing,
    closed: Map<Name, true>,
    lower: RealDir,
    isBottom: boolean,
    opaque: () => void,
  ): Steps {
    const fd = lower.fd();
    if (fd < 0) return -fd;
    const layer = lower.layer.index;
    const only: readonly number[] = [layer];
    const hiddenBelow: Name[] = [];
    const mark = lower.opaqueMark(this.xattrs);
    if (mark < 0) return -mark;
    this.listed++;
    this.probes += CALLS_TO_LIST;
    const visitor: LayerVisitor = {
      entry(name, ino, dirType) {
        if (closed.has(name)) return;
        const above = listing.get(name);
        if (above === undefined) listing.set(name, { layers: only, dirType, ino });
        else if (dirType === DT_DIR && above.dirType === DT_DIR) {
          listing.set(name, { ...above, layers: [...above.layers, layer] });
          return;
        }
        if (dirType !== DT_DIR && !isBottom) hiddenBelow.push(name);
      },
      whiteout: (name) => hiddenBelow.push(name),
      opaque,
    };
    const { pieceBytes, pieceNames } = this.slices.sizes;
    const errno = yield* readLayer(fd, this.xattrs, true, visitor, mark === MARK_XATTR_WHITEOUTS, pieceBytes);
    let left = pieceNames;
    for (const name of hiddenBelow) {
      if (left-- === 0) {
        yield;
        left = pieceNames;
      }
      closed.set(name, true);
    }
    return errno;
  }

  private keep(dir: Dir, listing: Listing): void {
    dir.listing = listing;
    this.loaded.add(dir);
    this.names += listing.size;
    for (const oldest of this.loaded) {
      if (this.names <= MAX_NAMES || oldest === dir) return;
      this.drop(oldest);
    }
  }

  /** Gives a listing's memory back. */
  drop(dir: Dir): void {
    if (!this.loaded.delete(dir)) return;
    this.names -= dir.listing!.size;
    dir.listing = null;
    dir.probes = 0;
  }

  private probe(dir: Dir, name: Name): ListedName | Errno {
    const layers: number[] = [];
    let top: ListedName | null = null;
    const bottom = dir.lowers.at(-1);
    for (const lower of dir.lowers) {
      const fd = lower.fd();
      if (fd < 0) return -fd;
      this.probes++;
      const errno = statAt(fd, name, stat);
      const there = errno === 0;
      if (!there && errno !== ENOENT) return errno;
      const whiteout = there ? this.isWhiteoutAt(lower, fd, name) : 0;
      if (whiteout < 0) return -whiteout;
      if (there && whiteout === 0) {
        const isDir = (stat.mode & S_IFMT) === S_IFDIR;
        if (top === null) top = { layers, dirType: dirTypeOf(stat.mode), ino: stat.ino };
        else if (!isDir) break;
        layers.push(lower.layer.index);
        if (!isDir) break;
      } else if (there) break;
      if (lower === bottom) break;
      this.probes++;
      const hidden = this.isHiddenByOci(lower, fd, name);
      if (hidden < 0) return -hidden;
      if (hidden === 1) break;
    }
    return top ?? ENOENT;
  }

  /** Preconditions: `stat` is the name's. */
  private isWhiteoutAt(dir: RealDir, fd: number, name: Name): Answer {
    if (isWhiteout(stat)) return 1;
    if ((stat.mode & S_IFMT) !== S_IFREG || stat.size > 0) return 0;
    const mark = dir.opaqueMark(this.xattrs);
    return mark === MARK_XATTR_WHITEOUTS ? this.xattrs.isXattrWhiteout(fd, name) : Math.min(mark, 0);
  }

  private isHiddenByOci(dir: RealDir, fd: number, name: Name): Answer {
    const errno = statAt(fd, ociWhiteoutOf(name), stat);
    if (errno === OK) return 1;
    return errno === ENOENT || errno === ENAMETOOLONG ? dir.isOciOpaque() : -errno;
  }
}
