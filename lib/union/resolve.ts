/** From a name in a directory to its inode: upper first, then the lowers, newest to oldest. */
import { type Name, shown } from '../base/bytes';
import { ENAMETOOLONG, ENOENT, EPERM, type Errno } from '../base/errno';
import { RealDir } from '../layer/real-dir';
import { isWhiteout } from '../layer/whiteout';
import { type Stat, statAt } from '../sys/stat';
import { getxattr } from '../sys/xattr';
import { S_IFDIR, S_IFMT, S_IFREG } from '../vfs/flags';
import type { Core } from './core';
import { Dir, File, type Inode } from './inode';
import { LowerListings } from './lower-listings';

const NAME_MAX = 255;
const NOTHING = Buffer.alloc(0);
/** Not an errno: the name is there, and says that it is gone. */
const WHITEOUT = -1;
const DT_DIR = S_IFDIR >> 12;

/**
 * The inode of a name, known or new, with its real attributes in `stat`; or an errno. A new inode is in no table
 * until `core.table.know`.
 */
export function resolve(core: Core, dir: Dir, name: Name, stat: Stat): Inode | Errno {
  const known = dir.children.get(name);
  if (known !== undefined) return core.statOf(known, stat) || known;
  const inode = find(core, dir, name, stat);
  if (typeof inode !== 'number') inode.guard = stat.guard;
  return inode;
}

function find(core: Core, dir: Dir, name: Name, stat: Stat): Inode | Errno {
  if (dir.dead) return ENOENT;
  if (name.length > NAME_MAX) return ENAMETOOLONG;
  if (dir.view !== null && !dir.view.has(name)) return ENOENT;
  if (dir.upper !== null) {
    const errno = statUpper(core, dir, name, stat);
    if (errno === 0) return upperInode(core, dir, name, stat);
    if (errno === WHITEOUT) return ENOENT;
    if (errno !== ENOENT) return errno;
  }
  return lowerInode(core, dir, name, stat);
}

function statUpper(core: Core, dir: Dir, name: Name, stat: Stat): Errno {
  const fd = dir.upper!.fd();
  if (fd < 0) return -fd;
  const errno = statAt(fd, name, stat);
  if (errno !== 0) return errno;
  return isWhiteout(stat) || isXattrWhiteout(core, dir.upper!, name, stat) ? WHITEOUT : 0;
}

function isXattrWhiteout(core: Core, dir: RealDir, name: Name, stat: Stat): boolean {
  return stat.size === 0 && (stat.mode & S_IFMT) === S_IFREG && dir.isXattrWhiteout(core.xattrs, name);
}

function upperInode(core: Core, dir: Dir, name: Name, stat: Stat): Inode | Errno {
  if ((stat.mode & S_IFMT) === S_IFDIR) return upperDir(core, dir, name, stat);
  const linked = core.table.linkedFile(stat.ino);
  if (linked !== undefined) {
    if (linked.parent === null) core.table.rename(linked, dir, name);
    return linked;
  }
  if (isMetacopy(core, dir.upper!, name, stat)) return refuse(core, name, 'metacopy');
  const file = new File(stat.mode & S_IFMT, core.numberOfUpper(dir, name, stat), dir, name, null);
  file.upperIno = stat.ino;
  return file;
}

function upperDir(core: Core, dir: Dir, name: Name, stat: Stat): Inode | Errno {
  if (hasRedirect(core, dir.upper!, name)) return refuse(core, name, 'redirect');
  const upper = new RealDir(core.upper!, dir.upper, name, core.descriptors);
  const found = core.listings.find(dir, name);
  if (typeof found === 'number') {
    if (found !== ENOENT) return found;
  } else if (found.dirType === DT_DIR && !core.xattrs.isOpaque(dir.upper!.fd(), name)) {
    if (isRedirectedBelow(core, dir, name, found.layers)) return refuse(core, name, 'redirect');
    const lowers = lowerDirs(core, dir, name, found.layers);
    const ino = core.numbers.of(lowers[0]!.layer, found.ino);
    return new Dir(ino, dir, name, upper, lowers);
  }
  return new Dir(core.numbers.of(core.upper!, stat.ino), dir, name, upper, []);
}

function lowerInode(core: Core, dir: Dir, name: Name, stat: Stat): Inode | Errno {
  const found = core.listings.find(dir, name);
  if (typeof found === 'number') return found;
  const real = LowerListings.inLayer(dir, found.layers[0]!);
  core.lowerStats++;
  const errno = real.statChild(name, stat);
  if (errno !== 0) return errno;
  if (isMetacopy(core, real, name, stat)) return refuse(core, name, 'metacopy');
  const ino = core.numbers.of(real.layer, stat.ino);
  if ((stat.mode & S_IFMT) !== S_IFDIR) {
    const file = new File(stat.mode & S_IFMT, ino, dir, name, real);
    file.lowerSize = stat.size;
    return file;
  }
  if (isRedirectedBelow(core, dir, name, found.layers)) return refuse(core, name, 'redirect');
  return new Dir(ino, dir, name, null, lowerDirs(core, dir, name, found.layers));
}

/**
 * A file whose data is elsewhere (`metacopy`) or a directory whose lower part has another name (`redirect`), as the
 * kernel writes them with metacopy=on and redirect_dir=on. What they stand for is not shown, and not lost: EPERM,
 * as the kernel answers where it may not follow them.
 */
function refuse(core: Core, name: Name, what: string): Errno {
  core.log.warn({ name: shown(name) }, `a ${what} xattr is not followed: its name is answered EPERM`);
  return EPERM;
}

/** Preconditions: `stat` is the name's. */
function isMetacopy(core: Core, dir: RealDir, name: Name, stat: Stat): boolean {
  if ((stat.mode & S_IFMT) !== S_IFREG || !dir.isImpure(core.xattrs)) return false;
  return getxattr(dir.fd(), name, core.xattrs.metacopy, NOTHING) >= 0;
}

function hasRedirect(core: Core, dir: RealDir, name: Name): boolean {
  return dir.isImpure(core.xattrs) && getxattr(dir.fd(), name, core.xattrs.redirect, NOTHING) >= 0;
}

/**
 * Does a directory's part in one of these layers have a redirect that counts? As in overlayfs it does not where the
 * merge ends above it, or nothing lies below its parent.
 */
function isRedirectedBelow(core: Core, dir: Dir, name: Name, layers: readonly number[]): boolean {
  const bottom = dir.lowers.at(-1)!.layer.index;
  return layers.some((layer, at) => {
    if (layer === bottom || !hasRedirect(core, LowerListings.inLayer(dir, layer), name)) return false;
    const upTo = layers.slice(0, at + 1);
    return !upTo.some((above) => core.xattrs.isOpaque(LowerListings.inLayer(dir, above).fd(), name));
  });
}

function lowerDirs(core: Core, dir: Dir, name: Name, layers: readonly number[]): readonly RealDir[] {
  return layers.map((layer) => {
    const parent = LowerListings.inLayer(dir, layer);
    return new RealDir(parent.layer, parent, name, core.descriptors);
  });
}

/** Is there anything under the name in the read-only part? Then deleting it takes a whiteout. */
export function coversLower(core: Core, dir: Dir, name: Name): boolean {
  return typeof core.listings.find(dir, name) !== 'number';
}
