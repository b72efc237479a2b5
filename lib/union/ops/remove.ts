/**
 * unlink and rmdir. What a lower layer has under the name stays there, so a whiteout takes its place in the upper
 * one, in the same step that removes the upper's own file.
 */
import type { Name } from '../../base/bytes';
import { EISDIR, ENOTDIR, ENOTEMPTY, type Errno, OK } from '../../base/errno';
import type { NodeId } from '../../base/ids';
import { makeWhiteout } from '../../layer/whiteout';
import { renameat2, rmdirat, unlinkat } from '../../sys/names';
import { openat } from '../../sys/open';
import { newStat } from '../../sys/stat';
import { O_NOFOLLOW, O_PATH, RENAME_EXCHANGE } from '../../vfs/flags';
import type { Call } from '../../vfs/types';
import { copyUpDir } from '../copy-up';
import type { Core } from '../core';
import type { Dir, File, Inode } from '../inode';
import { linkLost } from '../link-counts';
import { mayRemove } from '../protection';
import { coversLower, resolve } from '../resolve';
import { hasNames } from '../view-build';

const stat = newStat();

export function unlink(core: Core, call: Call, parentId: NodeId, name: Name): Errno {
  const parent = core.dir(parentId);
  if (typeof parent === 'number') return parent;
  const file = find(core, parent, name);
  if (typeof file === 'number') return file;
  if (file.isDir) return EISDIR;
  const refused =
    mayRemove(parent, file) ||
    copyUpDir(core, parent) ||
    (isKnownName(file, parent, name) ? hold(core, call, file) : OK);
  if (refused !== OK) return refused;
  const removed = removeFile(core, parent, name, file);
  if (removed === OK) lostName(core, parent, name, file);
  return removed;
}

export function rmdir(core: Core, call: Call, parentId: NodeId, name: Name): Errno {
  const parent = core.dir(parentId);
  if (typeof parent === 'number') return parent;
  const dir = find(core, parent, name);
  if (typeof dir === 'number') return dir;
  if (!dir.isDir) return ENOTDIR;
  const refused =
    mayRemove(parent, dir) || checkEmpty(core, call, dir) || copyUpDir(core, parent) || dir.top.pin(call.uid);
  if (refused !== OK) return refused;
  const removed = removeDir(core, parent, name, dir);
  if (removed === OK) {
    dir.dead = true;
    lostName(core, parent, name, dir);
  } else dir.top.unpin();
  return removed;
}

/** A known inode's attributes are not needed to remove it. */
function find(core: Core, parent: Dir, name: Name): Inode | Errno {
  return core.writable || (parent.children.get(name) ?? resolve(core, parent, name, stat));
}

/** ENOTEMPTY where the merged directory has a name; it may be PARKED. */
export function checkEmpty(core: Core, call: Call, dir: Dir): Errno {
  const names = hasNames(core, call, dir);
  if (typeof names === 'number') return names;
  return names ? ENOTEMPTY : OK;
}

function removeFile(core: Core, parent: Dir, name: Name, file: File): Errno {
  const upper = parent.upper!.fd();
  if (upper < 0) return -upper;
  const covers = coversLower(core, parent, name);
  if (covers < 0) return -covers;
  if (covers === 0) return unlinkat(upper, name);
  return file.upper ? replaceByWhiteout(core, upper, name, 0) : makeWhiteout(upper, name);
}

function removeDir(core: Core, parent: Dir, name: Name, dir: Dir): Errno {
  const upper = parent.upper!.fd();
  if (upper < 0) return -upper;
  const covers = coversLower(core, parent, name);
  if (covers < 0) return -covers;
  if (covers === 0) return removeUpperDir(core, upper, name);
  return dir.upper === null
    ? makeWhiteout(upper, name)
    : replaceByWhiteout(core, upper, name, RENAME_EXCHANGE);
}

/** Keeps a file reachable that is about to lose the name we know it by; EMFILE where the caller has too many such. */
export function hold(core: Core, call: Call, file: File): Errno {
  if (file.nodes === 0 || !file.upper || file.held >= 0) return OK;
  const place = core.placeOf(file);
  if (place.fd < 0) return -place.fd;
  if (place.name === null) return OK;
  return core.hold(file, openat(place.fd, place.name, O_PATH | O_NOFOLLOW), call.uid);
}

/** Is this the name by which we reach the inode? A hard link may have others. */
export function isKnownName(inode: Inode, parent: Dir, name: Name): boolean {
  return inode.parent === parent && inode.name === name;
}

/** The tables after a name is gone. A file with other names is found again by its inode number. */
export function lostName(core: Core, parent: Dir, name: Name, inode: Inode): void {
  parent.view?.delete(name);
  if (!inode.isDir && core.table.linkedFile(inode.upperIno) === inode) linkLost(inode);
  if (!isKnownName(inode, parent, name)) return;
  core.table.rename(inode, null, name);
  core.table.dropIfUnknown(inode);
}

/** Puts a whiteout where an upper file or (exchange) directory is, in one rename. */
function replaceByWhiteout(core: Core, upper: number, name: Name, flags: number): Errno {
  const work = core.work!;
  const whiteout = work.whiteout();
  if (typeof whiteout === 'number') return whiteout;
  const errno = renameat2(work.fd, whiteout, upper, name, flags);
  if (errno !== OK || flags !== 0) work.remove(whiteout);
  return errno;
}

/** Removes an upper directory that looks empty: what is in it are whiteouts. */
function removeUpperDir(core: Core, upper: number, name: Name): Errno {
  const errno = rmdirat(upper, name);
  if (errno !== ENOTEMPTY) return errno;
  const work = core.work!;
  const temporary = work.freshName();
  const moved = renameat2(upper, name, work.fd, temporary, 0);
  if (moved === OK) work.remove(temporary);
  return moved;
}
