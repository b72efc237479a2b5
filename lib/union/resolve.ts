/** From a name in a directory to its inode: upper first, then the lowers, newest to oldest. */
import { type Name, shown } from '../base/bytes';
import { type Answer, type Count, ENAMETOOLONG, ENOENT, EPERM, type Errno, OK } from '../base/errno';
import type { Ino } from '../base/ids';
import {
  HAS_METACOPY,
  HAS_OPAQUE,
  HAS_ORIGIN,
  HAS_OTHERS,
  HAS_REDIRECT,
  MARK_NONE,
  MARK_OPAQUE,
} from '../layer/private-xattr';
import { RealDir } from '../layer/real-dir';
import { isWhiteout } from '../layer/whiteout';
import { type Stat, statAt } from '../sys/stat';
import { S_IFDIR, S_IFMT, S_IFREG } from '../vfs/flags';
import type { Core } from './core';
import { Dir, File, type Inode } from './inode';
import { LowerListings } from './lower-listings';

const NAME_MAX = 255;
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
  if (dir.view?.complete && !dir.view.has(name)) return ENOENT;
  if (dir.upper !== null) {
    const errno = statUpper(core, dir, name, stat);
    if (errno === 0) return upperInode(core, dir, name, stat);
    if (errno === WHITEOUT) return ENOENT;
    if (errno !== ENOENT) return errno;
  }
  return lowerInode(core, dir, name, stat);
}

function statUpper(core: Core, dir: Dir, name: Name, stat: Stat): Errno {
  const real = dir.upper!;
  const fd = real.fd();
  if (fd < 0) return -fd;
  const errno = statAt(fd, name, stat);
  if (errno !== 0) return errno;
  if (isWhiteout(stat)) return WHITEOUT;
  if (stat.size > 0 || (stat.mode & S_IFMT) !== S_IFREG) return 0;
  const whiteout = real.isXattrWhiteout(core.xattrs, name);
  return whiteout === 1 ? WHITEOUT : -whiteout;
}

function upperInode(core: Core, dir: Dir, name: Name, stat: Stat): Inode | Errno {
  if ((stat.mode & S_IFMT) === S_IFDIR) return upperDir(core, dir, name, stat);
  const linked = core.table.linkedFile(stat.ino);
  if (linked !== undefined) {
    if (linked.parent === null) core.table.rename(linked, dir, name);
    return linked;
  }
  const has = isRegular(stat) ? xattrsOfUpper(core, dir, name) : 0;
  if (has < 0) return -has;
  if ((has & HAS_METACOPY) !== 0) return refuse(core, name, 'metacopy');
  const copied = !isRegular(stat) || (has & HAS_ORIGIN) !== 0;
  const ino = copied ? core.numberOfUpper(dir, name, stat) : core.numbers.of(core.upper!, stat.ino);
  if (ino < 0) return -ino;
  const file = new File(stat.mode & S_IFMT, ino as Ino, dir, name, null);
  file.upperIno = stat.ino;
  if (isRegular(stat)) file.bare = (has & HAS_OTHERS) === 0;
  return file;
}

function xattrsOfUpper(core: Core, dir: Dir, name: Name): Count {
  const fd = dir.upper!.fd();
  return fd < 0 ? fd : core.xattrs.of(fd, name);
}

/** What an opaque directory, or one below which there is nothing, says of a redirect does not count, as in overlayfs. */
function upperDir(core: Core, dir: Dir, name: Name, stat: Stat): Inode | Errno {
  const upper = new RealDir(core.upper!, dir.upper, name, core.descriptors);
  const alone = new Dir(core.numbers.of(core.upper!, stat.ino), dir, name, upper, []);
  if (dir.lowers.length === 0) return alone;
  const has = xattrsOfUpper(core, dir, name);
  if (has < 0) return -has;
  alone.bare = (has & HAS_OTHERS) === 0;
  const mark = (has & HAS_OPAQUE) === 0 ? MARK_NONE : core.xattrs.opaqueMark(dir.upper!.fd(), name);
  if (mark < 0) return -mark;
  if (mark === MARK_OPAQUE) return alone;
  if ((has & HAS_REDIRECT) !== 0) return refuse(core, name, 'redirect');
  const found = core.listings.find(dir, name);
  if (typeof found === 'number') return found === ENOENT ? alone : found;
  if (found.dirType !== DT_DIR) return alone;
  const lowers = lowerDirs(core, dir, name, found.layers);
  const merged = new Dir(core.numbers.of(lowers[0]!.layer, found.ino), dir, name, upper, lowers);
  merged.bare = alone.bare;
  return settled(core, merged);
}

function lowerInode(core: Core, dir: Dir, name: Name, stat: Stat): Inode | Errno {
  const found = core.listings.find(dir, name);
  if (typeof found === 'number') return found;
  const real = LowerListings.inLayer(dir, found.layers[0]!);
  core.lowerStats++;
  const errno = real.statChild(name, stat);
  if (errno !== 0) return errno;
  const ino = core.numbers.of(real.layer, stat.ino);
  if ((stat.mode & S_IFMT) === S_IFDIR) {
    return settled(core, new Dir(ino, dir, name, null, lowerDirs(core, dir, name, found.layers)));
  }
  const file = new File(stat.mode & S_IFMT, ino, dir, name, real);
  file.lowerSize = stat.size;
  if (!isRegular(stat)) return file;
  const has = real.xattrsOfChild(core.xattrs, name);
  if (has < 0) return -has;
  if ((has & HAS_METACOPY) !== 0) return refuse(core, name, 'metacopy');
  file.bare = (has & HAS_OTHERS) === 0;
  return file;
}

function isRegular(stat: Stat): boolean {
  return (stat.mode & S_IFMT) === S_IFREG;
}

/** What a directory consists of is found out before anybody learns of it. */
function settled(core: Core, dir: Dir): Dir | Errno {
  const errno = core.listings.settle(dir);
  if (errno === OK) return dir;
  return errno === EPERM ? refuse(core, dir.name, 'redirect') : errno;
}

/**
 * A file whose data is elsewhere (`metacopy`) or a directory whose lower part has another name (`redirect`), as the
 * kernel writes them with metacopy=on and redirect_dir=on. What they stand for is not shown, and not lost: EPERM,
 * as the kernel answers where it may not follow them. Each file is asked itself, for nothing else tells: a hard link
 * of a metacopy lies in a directory without marks, and a layer may have been made by any program.
 */
function refuse(core: Core, name: Name, what: string): Errno {
  core.log.warn({ name: shown(name) }, `a ${what} xattr is not followed: its name is answered EPERM`);
  return EPERM;
}

function lowerDirs(core: Core, dir: Dir, name: Name, layers: readonly number[]): readonly RealDir[] {
  return layers.map((layer) => {
    const parent = LowerListings.inLayer(dir, layer);
    return new RealDir(parent.layer, parent, name, core.descriptors);
  });
}

/** Is there anything under the name in the read-only part? Then deleting it takes a whiteout. */
export function coversLower(core: Core, dir: Dir, name: Name): Answer {
  const found = core.listings.find(dir, name);
  if (typeof found !== 'number') return 1;
  return found === ENOENT ? 0 : -found;
}
