/**
 * rename. The source is copied up, then one renameat2(2) in the upper layer does it all: RENAME_WHITEOUT leaves a
 * whiteout behind where a lower layer has the old name. A directory that has lower parts cannot be moved without a
 * redirect: EXDEV, and programs copy it instead (as overlayfs with redirect_dir=off).
 */
import type { Name } from '../../base/bytes';
import {
  EEXIST,
  EINVAL,
  EISDIR,
  ENAMETOOLONG,
  ENOENT,
  ENOTDIR,
  type Errno,
  EXDEV,
  OK,
} from '../../base/errno';
import type { NodeId } from '../../base/ids';
import { isWhiteout } from '../../layer/whiteout';
import { readDirectory } from '../../sys/dir';
import { mkdirat, renameat2, unlinkat } from '../../sys/names';
import { newStat, statAt } from '../../sys/stat';
import { setxattr } from '../../sys/xattr';
import { RENAME_EXCHANGE, RENAME_NOREPLACE, RENAME_WHITEOUT, S_IFDIR } from '../../vfs/flags';
import type { Call } from '../../vfs/types';
import { copyUp, copyUpDir } from '../copy-up';
import type { Core } from '../core';
import { dress } from '../dress';
import type { Dir, Inode } from '../inode';
import { mayRemove } from '../protection';
import { coversLower, resolve } from '../resolve';
import { markImpureIfCopied } from './make';
import { checkEmpty, hold, isKnownName, lostName } from './remove';

const NAME_MAX = 255;
const YES = Buffer.from('y');
const stat = newStat();

export function rename(
  core: Core,
  call: Call,
  fromId: NodeId,
  fromName: Name,
  toId: NodeId,
  toName: Name,
  flags: number,
): Errno {
  if ((flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE)) !== 0) return EINVAL;
  if (core.writable !== OK) return core.writable;
  if (toName.length > NAME_MAX) return ENAMETOOLONG;
  const from = core.dir(fromId);
  if (typeof from === 'number') return from;
  const to = core.dir(toId);
  if (typeof to === 'number') return to;
  const source = resolve(core, from, fromName, stat);
  if (typeof source === 'number') return source;
  const found = resolve(core, to, toName, stat);
  if (typeof found === 'number' && found !== ENOENT) return found;
  const target = typeof found === 'number' ? null : found;
  const exchange = (flags & RENAME_EXCHANGE) !== 0;

  const refused = exchange ? checkExchange(source, target) : checkMove(core, call, source, target, flags);
  if (refused !== OK) return refused;
  if (isSame(source, target)) return OK;
  const ready =
    mayRemove(from, source) ||
    (target === null ? OK : mayRemove(to, target)) ||
    copyUp(core, call, source) ||
    (exchange ? copyUp(core, call, target!) : OK) ||
    copyUpDir(core, from) ||
    copyUpDir(core, to) ||
    beOpaque(core, source, to) ||
    markImpureIfCopied(core, source, to) ||
    (exchange ? beOpaque(core, target!, from) || markImpureIfCopied(core, target!, from) : OK);
  if (ready !== OK) return ready;
  return exchange
    ? swap(core, from, fromName, source, to, toName, target!)
    : move(core, call, from, fromName, source, to, toName, target);
}

/** Two names of one file: rename(2) leaves both, whether they are known as one inode already or not. */
function isSame(a: Inode, b: Inode | null): boolean {
  if (a === b || b === null || a.isDir || b.isDir) return a === b;
  return a.upper && b.upper && a.upperIno === b.upperIno;
}

function canMove(inode: Inode): boolean {
  return !inode.isDir || inode.lowers.length === 0;
}

function checkExchange(source: Inode, target: Inode | null): Errno {
  if (target === null) return ENOENT;
  return canMove(source) && canMove(target) ? OK : EXDEV;
}

function checkMove(core: Core, call: Call, source: Inode, target: Inode | null, flags: number): Errno {
  if (target !== null) {
    if ((flags & RENAME_NOREPLACE) !== 0) return EEXIST;
    if (source.isDir && !target.isDir) return ENOTDIR;
    if (!source.isDir && target.isDir) return EISDIR;
  }
  if (!canMove(source)) return EXDEV;
  return target?.isDir ? checkEmpty(core, call, target) : OK;
}

/** A directory must not merge with what lies below its new place. */
function beOpaque(core: Core, inode: Inode, newParent: Dir): Errno {
  if (!inode.isDir || newParent.lowers.length === 0) return OK;
  const { fd, name } = core.placeOf(inode);
  return fd < 0 ? -fd : setxattr(fd, name, core.xattrs.opaque, YES);
}

function move(
  core: Core,
  call: Call,
  from: Dir,
  fromName: Name,
  source: Inode,
  to: Dir,
  toName: Name,
  target: Inode | null,
): Errno {
  const fromFd = from.upper!.fd();
  const toFd = to.upper!.fd();
  if (fromFd < 0 || toFd < 0) return -Math.min(fromFd, toFd);
  const covers = coversLower(core, from, fromName);
  if (covers < 0) return -covers;
  const needsWhiteout = covers === 1;
  let errno = target === null ? OK : prepareTarget(core, call, to, toName, target);
  if (errno !== OK) return errno;
  const overWhiteout = target === null && statAt(toFd, toName, stat) === OK && isWhiteout(stat);
  if (overWhiteout && source.isDir) {
    errno = renameat2(fromFd, fromName, toFd, toName, RENAME_EXCHANGE);
    if (errno === OK && !needsWhiteout) unlinkat(fromFd, fromName);
  } else {
    errno = renameat2(fromFd, fromName, toFd, toName, needsWhiteout ? RENAME_WHITEOUT : 0);
  }
  if (errno !== OK) {
    if (target?.isDir) target.top.unpin();
    return errno;
  }
  if (target !== null) {
    if (target.isDir) target.dead = true;
    lostName(core, to, toName, target);
  }
  from.view?.delete(fromName);
  gotName(core, from, fromName, source, to, toName);
  return OK;
}

/** Keeps the target reachable for who has it open, and takes whiteouts out of a directory that looks empty. */
function prepareTarget(core: Core, call: Call, to: Dir, toName: Name, target: Inode): Errno {
  if (!target.isDir) return isKnownName(target, to, toName) ? hold(core, call, target) : OK;
  const errno = target.top.pin(call.uid);
  if (errno !== OK || target.upper === null) return errno;
  return clearWhiteouts(core, to, toName, target);
}

function isReallyEmpty(dir: number): boolean {
  let empty = true;
  return readDirectory(dir, () => (empty = false)) === OK && empty;
}

/** Makes an empty, opaque directory in the work directory that looks like another. */
function makeTwin(core: Core, dir: number, name: Name): Errno {
  const work = core.work!.fd;
  return (
    statAt(dir, null, stat) ||
    mkdirat(work, name, 0o700) ||
    setxattr(work, name, core.xattrs.opaque, YES) ||
    dress(core, stat, dir, null, work, name, null)
  );
}

/** Swaps an upper directory that holds whiteouts only for an empty, opaque one: nothing shows again if a crash follows. */
function clearWhiteouts(core: Core, parent: Dir, name: Name, dir: Dir): Errno {
  if (dir.lowers.length === 0 && isReallyEmpty(dir.upper!.fd())) return OK;
  const work = core.work!;
  const fresh = work.freshName();
  const errno =
    makeTwin(core, dir.upper!.fd(), fresh) ||
    renameat2(work.fd, fresh, parent.upper!.fd(), name, RENAME_EXCHANGE);
  work.remove(fresh);
  return errno;
}

function swap(core: Core, a: Dir, aName: Name, inA: Inode, b: Dir, bName: Name, inB: Inode): Errno {
  const aFd = a.upper!.fd();
  const bFd = b.upper!.fd();
  if (aFd < 0 || bFd < 0) return -Math.min(aFd, bFd);
  const errno = renameat2(aFd, aName, bFd, bName, RENAME_EXCHANGE);
  if (errno !== OK) return errno;
  const aKnown = isKnownName(inA, a, aName);
  const bKnown = isKnownName(inB, b, bName);
  if (aKnown) core.table.rename(inA, null, aName);
  if (bKnown) core.table.rename(inB, null, bName);
  settle(core, inA, b, bName, aKnown);
  settle(core, inB, a, aName, bKnown);
  return OK;
}

/** The inode has a new name in place of the old one. */
function gotName(core: Core, from: Dir, fromName: Name, inode: Inode, to: Dir, toName: Name): void {
  settle(core, inode, to, toName, isKnownName(inode, from, fromName));
}

function settle(core: Core, inode: Inode, parent: Dir, name: Name, known: boolean): void {
  if (known) core.table.rename(inode, parent, name);
  if (inode.isDir) inode.upper!.moved(parent.upper!, name);
  const type = inode.isDir ? S_IFDIR : inode.type;
  parent.view?.set(name, inode.ino, type >> 12);
}
