/**
 * What makes names: mknod, mkdir, symlink, link, and the naming half of create.
 *
 * A new file is made in the upper directory itself, so that its owner, set-group-ID inheritance, default ACL and
 * umask come out as that file system does them. Over a whiteout it is made in a staging directory with the
 * parent's owner, mode and default ACL, and moved over the whiteout in one rename; a directory is marked opaque
 * first, so that nothing of what was deleted shows again.
 */
import { type ByteString, bytesFromText, type Name } from '../../base/bytes';
import {
  EEXIST,
  ENAMETOOLONG,
  ENODATA,
  ENOENT,
  EOPNOTSUPP,
  EPERM,
  type Errno,
  ESTALE,
  OK,
} from '../../base/errno';
import type { NodeId } from '../../base/ids';
import { RealDir } from '../../layer/real-dir';
import { isWhiteout } from '../../layer/whiteout';
import { chmodAt, chownAt } from '../../sys/attr';
import { linkat, linkFd, mkdirat, mknodat, renameat2, symlinkat } from '../../sys/names';
import { close, openat } from '../../sys/open';
import { newStat, type Stat, statAt } from '../../sys/stat';
import { getxattr, setxattr, XATTR_SIZE_MAX } from '../../sys/xattr';
import { O_DIRECTORY, O_NOFOLLOW, O_PATH, RENAME_EXCHANGE, S_IFCHR, S_IFDIR, S_IFMT } from '../../vfs/flags';
import type { Call, Entry } from '../../vfs/types';
import { copyUp, copyUpDir, markImpure } from '../copy-up';
import type { Core } from '../core';
import { Dir, File } from '../inode';
import { linksSettled } from '../link-counts';
import { mayDecorate } from '../protection';
import { coversLower } from '../resolve';

const NAME_MAX = 255;
const MODE_BITS = 0o7777;
const YES = Buffer.from('y');
const DEFAULT_ACL = bytesFromText('system.posix_acl_default');
const STAGED = 'new' as Name;
const NOTHING = Buffer.alloc(0);

const acl = Buffer.alloc(XATTR_SIZE_MAX);

/** Makes a name in a directory given as a descriptor. */
type Maker = (dir: number, name: Name) => Errno;

const stat = newStat();
const parentStat = newStat();

/**
 * Makes a name that must be new in an upper directory, whiteout or not.
 * @param isDir the maker makes a directory
 */
export function makeName(
  core: Core,
  call: Call,
  parent: Dir,
  name: Name,
  isDir: boolean,
  make: Maker,
): Errno {
  if (core.writable !== OK) return core.writable;
  if (parent.dead) return ENOENT;
  if (name.length > NAME_MAX) return ENAMETOOLONG;
  const errno = copyUpDir(core, parent);
  if (errno !== OK) return errno;
  const fd = parent.upper!.fd();
  if (fd < 0) return -fd;
  const covers = coversLower(core, parent, name);
  if (covers < 0) return -covers;
  if (covers === 0) {
    core.actAs(call);
    const made = make(fd, name);
    core.actAsSelf(call);
    if (made !== EEXIST) return made !== OK || !isDir ? made : markOpaque(core, parent, fd, name);
  }
  const there = statAt(fd, name, stat);
  if (there === ENOENT && covers === 1) return EEXIST;
  if (there !== OK) return there;
  return isWhiteout(stat) ? makeOverWhiteout(core, call, fd, name, isDir, make) : EEXIST;
}

/**
 * A new directory in a merged one hides whatever a lower layer may get under its name later. There is nothing now:
 * where the mark cannot be set the directory is none the less what it should be (fs/overlayfs/dir.c:ovl_create_upper).
 */
function markOpaque(core: Core, parent: Dir, fd: number, name: Name): Errno {
  if (parent.lowers.length > 0) setxattr(fd, name, core.xattrs.opaque, YES);
  return OK;
}

function makeOverWhiteout(
  core: Core,
  call: Call,
  fd: number,
  name: Name,
  isDir: boolean,
  make: Maker,
): Errno {
  const work = core.work!;
  const stageName = work.freshName();
  let errno = mkdirat(work.fd, stageName, 0o700);
  if (errno !== OK) return errno;
  const stage = openat(work.fd, stageName, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  try {
    if (stage < 0) return -stage;
    errno = likeParent(fd, stage);
    if (errno !== OK) return errno;
    core.actAs(call);
    errno = make(stage, STAGED);
    core.actAsSelf(call);
    if (errno !== OK) return errno;
    if (!isDir) return renameat2(stage, STAGED, fd, name, 0);
    return (
      setxattr(stage, STAGED, core.xattrs.opaque, YES) || renameat2(stage, STAGED, fd, name, RENAME_EXCHANGE)
    );
  } finally {
    if (stage >= 0) close(stage);
    work.remove(stageName);
  }
}

/** Gives the staging directory what a new file inherits: group, set-group-ID bit and default ACL. */
function likeParent(parent: number, stage: number): Errno {
  const errno = statAt(parent, null, parentStat);
  if (errno !== OK) return errno;
  const length = getxattr(parent, null, DEFAULT_ACL, acl);
  if (length < 0 && length !== -ENODATA && length !== -EOPNOTSUPP) return -length;
  return (
    chownAt(stage, null, parentStat.uid, parentStat.gid) ||
    chmodAt(stage, null, parentStat.mode & MODE_BITS) ||
    (length > 0 ? setxattr(stage, null, DEFAULT_ACL, acl.subarray(0, length)) : OK)
  );
}

/** The inode of a name just made, in `core.stat` its attributes. */
export function madeFile(core: Core, parent: Dir, name: Name, real: Stat): File {
  const file = new File(real.mode & S_IFMT, core.numbers.of(core.upper!, real.ino), parent, name, null);
  file.upperIno = real.ino;
  parent.view?.set(name, file.ino, file.type >> 12);
  return file;
}

function answerMade(core: Core, parent: Dir, name: Name, out: Entry): Errno {
  const errno = statAt(parent.upper!.fd(), name, core.stat);
  if (errno !== OK) return errno;
  core.answer(madeFile(core, parent, name, core.stat), core.stat, out);
  return OK;
}

/** A whiteout cannot be made through the mount: EPERM, as in overlayfs. */
export function mknod(
  core: Core,
  call: Call,
  parentId: NodeId,
  name: Name,
  mode: number,
  major: number,
  minor: number,
  out: Entry,
): Errno {
  if ((mode & S_IFMT) === S_IFCHR && major === 0 && minor === 0) return EPERM;
  const parent = core.dir(parentId);
  if (typeof parent === 'number') return parent;
  const errno = makeName(core, call, parent, name, false, (dir, at) => mknodat(dir, at, mode, major, minor));
  return errno || answerMade(core, parent, name, out);
}

export function symlink(
  core: Core,
  call: Call,
  parentId: NodeId,
  name: Name,
  target: ByteString,
  out: Entry,
): Errno {
  const parent = core.dir(parentId);
  if (typeof parent === 'number') return parent;
  const errno = makeName(core, call, parent, name, false, (dir, at) => symlinkat(target, dir, at));
  return errno || answerMade(core, parent, name, out);
}

export function mkdir(core: Core, call: Call, parentId: NodeId, name: Name, mode: number, out: Entry): Errno {
  const parent = core.dir(parentId);
  if (typeof parent === 'number') return parent;
  const errno =
    makeName(core, call, parent, name, true, (dir, at) => mkdirat(dir, at, mode & MODE_BITS)) ||
    statAt(parent.upper!.fd(), name, core.stat);
  if (errno !== OK) return errno;
  const upper = new RealDir(core.upper!, parent.upper, name, core.descriptors);
  const dir = new Dir(core.numbers.of(core.upper!, core.stat.ino), parent, name, upper, []);
  parent.view?.set(name, dir.ino, S_IFDIR >> 12);
  core.answer(dir, core.stat, out);
  return OK;
}

export function link(core: Core, call: Call, id: NodeId, parentId: NodeId, name: Name, out: Entry): Errno {
  const file = core.node(id)?.inode;
  const parent = core.dir(parentId);
  if (typeof parent === 'number') return parent;
  if (file === undefined || file.isDir) return ESTALE;
  const copied = core.writable || mayDecorate(file) || copyUp(core, call, file);
  if (copied !== OK) return copied;
  const errno =
    (parent.dead ? ENOENT : copyUpDir(core, parent)) ||
    markImpureIfCopied(core, file, parent) ||
    makeName(core, SELF, parent, name, false, (dir, at) => linkTo(core, file, dir, at));
  if (errno !== OK) return errno;
  core.table.rememberLinked(file);
  linksSettled(file);
  if (file.parent === null) core.table.rename(file, parent, name);
  parent.view?.set(name, file.ino, file.type >> 12);
  const stated = core.statOf(file, core.stat);
  if (stated === OK) core.answer(file, core.stat, out);
  return stated;
}

/** Links are made as the daemon itself: they create no inode. */
const SELF = { uid: process.geteuid!(), gid: process.getegid!(), umask: 0 } as Call;

function linkTo(core: Core, file: File, dir: number, name: Name): Errno {
  const place = core.placeOf(file);
  if (place.fd < 0) return -place.fd;
  return place.name === null ? linkFd(place.fd, dir, name) : linkat(place.fd, place.name, dir, name);
}

/**
 * A file with an origin makes every directory that it gets a name in impure: before it has that name, or a crash
 * between the two would give it another number.
 * Preconditions: both are in the upper layer.
 */
export function markImpureIfCopied(core: Core, inode: File | Dir, parent: Dir): Errno {
  const impure = parent.upper!.isImpure(core.xattrs);
  if (impure !== 0) return impure < 0 ? -impure : OK;
  if (inode.isDir && inode.isMerged) return markImpure(core, parent);
  const { fd, name } = core.placeOf(inode);
  if (fd < 0) return -fd;
  const origin = getxattr(fd, name, core.xattrs.origin, NOTHING);
  if (origin > 0) return markImpure(core, parent);
  return origin === 0 || core.xattrs.saysNone(origin) ? OK : -origin;
}
