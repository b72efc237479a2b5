/**
 * Copy-up: the first change to a lower file gives it a copy in the upper layer. Parents come first, with their
 * exact mode, owner, ACLs and times. Everything is made complete in the work directory and then moved in by one
 * rename: a crash before that leaves the lower file as it was.
 *
 * The data of a large file, and every fsync, is a job: the request is parked and runs again when it is done
 * (lib/vfs/jobs.ts). fs/overlayfs/copy_up.c is what this mirrors, fsync included.
 */
import type { Name } from '../base/bytes';
import { ENOENT, EPERM, type Errno, OK, PARKED } from '../base/errno';
import type { JobId } from '../base/ids';
import { copyData } from '../layer/copy-data';
import { encodeOrigin } from '../layer/origin';
import { RealDir } from '../layer/real-dir';
import { utimesAt } from '../sys/attr';
import { mkdirat, mknodat, readlinkat, renameat2, symlinkat } from '../sys/names';
import { close, dup, openat } from '../sys/open';
import { newStat, type Stat, statAt } from '../sys/stat';
import { O_DIRECTORY, O_NOFOLLOW, O_PATH, O_RDONLY, S_IFLNK, S_IFREG } from '../vfs/flags';
import type { Job } from '../vfs/jobs';
import type { Call } from '../vfs/types';
import type { Core } from './core';
import { dress, unlessUnsupported } from './dress';
import type { Dir, File, Inode, PendingCopy } from './inode';
import { isImmutable, protect } from './protection';

/** Bytes that are copied while the caller waits; above it the copy is a job. */
const INLINE_BYTES = 512 * 1024;
const MODE_BITS = 0o7777;
const NO_JOB = 0 as JobId;

const lowerStat = newStat();
const parentStat = newStat();
const upperStat = newStat();

/** Makes sure that the inode's real file is in the upper layer; all of its data up to `size` bytes. */
export function copyUp(core: Core, call: Call, inode: Inode, size = Number.POSITIVE_INFINITY): Errno {
  return isImmutable(inode) ? core.writable || EPERM : copyUpProtected(core, call, inode, size);
}

/** The same where it may be immutable itself: for what changes its flags. */
export function copyUpProtected(
  core: Core,
  call: Call,
  inode: Inode,
  size = Number.POSITIVE_INFINITY,
): Errno {
  if (core.writable !== OK) return core.writable;
  if (inode.isDir) return inode.upper === null ? copyUpLowerDir(core, inode) : OK;
  return inode.upper ? OK : copyUpFile(core, call, inode, size);
}

/** Makes sure that the directory and all above it are in the upper layer, and may change. ENOENT for a removed lower one. */
export function copyUpDir(core: Core, dir: Dir): Errno {
  if (core.writable !== OK) return core.writable;
  if (isImmutable(dir)) return EPERM;
  return dir.upper === null ? copyUpLowerDir(core, dir) : OK;
}

/** All that are missing, the outermost first: a tree may be deeper than the stack, and than descriptors go. */
function copyUpLowerDir(core: Core, dir: Dir): Errno {
  const missing: Dir[] = [];
  let at = dir;
  for (; at.upper === null; at = at.parent) {
    if (at.parent === null) return ENOENT;
    missing.push(at);
    if (at !== dir && isImmutable(at)) return EPERM;
  }
  if (isImmutable(at)) return EPERM;
  for (let next = missing.pop(); next !== undefined; next = missing.pop()) {
    core.descriptors.beginRequest();
    const errno = copyUpOneDir(core, next);
    if (errno !== OK) return errno;
  }
  return OK;
}

/** Preconditions: its parent is in the upper layer. */
function copyUpOneDir(core: Core, dir: Dir): Errno {
  const parent = dir.parent!;
  const from = dir.lowers[0]!;
  const fd = from.fd();
  if (fd < 0) return -fd;
  const failed = statAt(fd, null, lowerStat);
  if (failed !== OK) return failed;
  const origin = encodeOrigin(fd, null, from.layer.uuid);
  if (typeof origin === 'number') return origin;
  const made = makeTwin(core, (work, name) => mkdirat(work, name, 0o700), fd, null, origin);
  if (typeof made === 'number') return made;
  const handle = dir.guard === 0 ? -1 : openat(core.work!.fd, made, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  const published =
    dir.guard !== 0 && handle < 0
      ? removeMade(core, made, -handle)
      : moveIn(core, made, parent, dir.name, origin !== null);
  if (published === OK) {
    dir.upper = new RealDir(core.upper!, parent.upper, dir.name, core.descriptors);
    core.attributesChanged(dir);
    if (dir.guard !== 0) {
      markImpure(core, dir);
      protect(handle, dir.guard);
    }
  }
  if (handle >= 0) close(handle);
  return published;
}

function copyUpFile(core: Core, call: Call, file: File, size: number): Errno {
  if (file.type === S_IFREG) return copyUpRegular(core, call, file, size);
  return (file.parent === null ? OK : copyUpDir(core, file.parent)) || copyUpSpecial(core, call, file);
}

/** A symlink, device, fifo or socket. One that was deleted while open stays without a name. */
function copyUpSpecial(core: Core, call: Call, file: File): Errno {
  const fd = file.lowerDir!.fd();
  if (fd < 0) return -fd;
  const errno = statAt(fd, file.lowerName, lowerStat);
  if (errno !== OK) return errno;
  const make = (work: number, name: Name): Errno => {
    if (file.type !== S_IFLNK) {
      return mknodat(work, name, lowerStat.mode, lowerStat.rdevMajor, lowerStat.rdevMinor);
    }
    const target = readlinkat(fd, file.lowerName);
    return typeof target === 'number' ? target : symlinkat(target, work, name);
  };
  const origin = encodeOrigin(fd, file.lowerName, file.lowerDir!.layer.uuid);
  if (typeof origin === 'number') return origin;
  const made = makeTwin(core, make, fd, file.lowerName, origin);
  if (typeof made === 'number') return made;
  const unseen = statAt(core.work!.fd, made, upperStat);
  if (unseen !== OK) return removeMade(core, made, unseen);
  const published =
    file.parent === null
      ? keepNameless(core, call, file, made)
      : moveIn(core, made, file.parent, file.name, origin !== null);
  if (published === OK) becameUpper(core, file, lowerStat, upperStat.ino, -1);
  return published;
}

/** Makes a file in the work directory and gives it everything of its lower twin. Returns its name or an errno. */
function makeTwin(
  core: Core,
  make: (work: number, name: Name) => Errno,
  lowerDir: number,
  lowerName: Name | null,
  origin: Buffer | null,
): Name | Errno {
  const work = core.work!;
  const temporary = work.freshName();
  const errno =
    make(work.fd, temporary) || dress(core, lowerStat, lowerDir, lowerName, work.fd, temporary, origin);
  return errno === OK ? temporary : removeMade(core, temporary, errno);
}

function removeMade(core: Core, made: Name, errno: Errno): Errno {
  core.work!.remove(made);
  return errno;
}

/** Moves what was made in the work directory to its place. */
function moveIn(core: Core, made: Name, parent: Dir, name: Name, hasOrigin: boolean): Errno {
  const work = core.work!;
  const errno =
    (hasOrigin ? markImpure(core, parent) : OK) ||
    keepingTimes(parent, (upper) => renameat2(work.fd, made, upper, name, 0));
  if (errno !== OK) work.remove(made);
  return errno;
}

function keepNameless(core: Core, call: Call, file: File, made: Name): Errno {
  const fd = openat(core.work!.fd, made, O_PATH | O_NOFOLLOW);
  core.work!.remove(made);
  return core.hold(file, fd, call.uid);
}

function copyUpRegular(core: Core, call: Call, file: File, size: number): Errno {
  const copy = copyFor(core, call, file, size);
  if (typeof copy === 'number') return copy;
  if (copy.job !== NO_JOB) {
    call.job = copy.job;
    return PARKED;
  }
  const errno = copy.errno || publishCopy(core, call, file, copy);
  if (errno !== OK) abandonCopy(core, file);
  return errno;
}

/** The copy in progress, to wait for or to publish; a new one where there is none that this request can use. */
function copyFor(core: Core, call: Call, file: File, size: number): PendingCopy | Errno {
  const known = file.copying;
  if (known !== null && (known.job !== NO_JOB || serves(core, call, known, size))) return known;
  abandonCopy(core, file);
  const copy = startCopy(core, call, file, size);
  if (typeof copy === 'number') return copy;
  file.copying = copy;
  copyContent(core, file, copy);
  return copy;
}

/**
 * Is the copy, on which no job works, what this request needs? Whoever asked for it may have been killed: then it may
 * be shorter than what is wanted now, or have failed for a reason that is gone.
 */
function serves(core: Core, call: Call, copy: PendingCopy, size: number): boolean {
  if (copy.errno !== 0) return core.hasWaitedFor(call, copy.lastJob);
  return copy.size >= Math.min(copy.lower.size, size);
}

function startCopy(core: Core, call: Call, file: File, size: number): PendingCopy | Errno {
  const dir = file.lowerDir!.fd();
  if (dir < 0) return -dir;
  const lower = newStat();
  const errno = statAt(dir, file.lowerName, lower);
  if (errno !== OK) return errno;
  const unpaid = core.descriptors.pin(call.uid);
  if (unpaid !== OK) return unpaid;
  const made = core.work!.newFile(lower.mode & MODE_BITS);
  if (typeof made === 'number') {
    core.descriptors.unpin(call.uid);
    return made;
  }
  return {
    made,
    payer: call.uid,
    lower,
    size: Math.min(lower.size, size),
    stage: 'data',
    job: NO_JOB,
    lastJob: NO_JOB,
    errno: 0,
  };
}

function copyContent(core: Core, file: File, copy: PendingCopy): void {
  if (copy.size > 0) {
    const from = core.files.of(file);
    if (typeof from === 'number') {
      copy.errno = -from;
      return;
    }
    if (copy.size > INLINE_BYTES) {
      core.files.use(from);
      startJob(
        core,
        file,
        copy,
        { kind: 'copy-data', from: from.fd, to: copy.made.fd, size: copy.size },
        () => core.files.unuse(from),
      );
      return;
    }
    copy.errno = copyData(from.fd, copy.made.fd, copy.size);
  }
  finishContent(core, file, copy);
}

/** The data is there: the rest of the file follows, then the disk. */
function finishContent(core: Core, file: File, copy: PendingCopy): void {
  if (copy.errno !== 0) return;
  copy.errno = dressCopy(core, file, copy);
  copy.stage = syncs(core) ? 'sync' : 'ready';
  if (copy.errno !== 0 || copy.stage === 'ready') return;
  startJob(core, file, copy, { kind: 'fsync', fd: copy.made.fd, dataOnly: false }, () => {});
}

function startJob(core: Core, file: File, copy: PendingCopy, job: Job, ended: () => void): void {
  copy.job = core.startJob(job, (result) => {
    copy.job = NO_JOB;
    copy.errno = -result;
    ended();
    if (copy.stage === 'data') finishContent(core, file, copy);
    else copy.stage = 'ready';
    if (copy.job === NO_JOB) core.table.dropIfUnknown(file);
  });
  copy.lastJob = copy.job;
}

function syncs(core: Core): boolean {
  const { fsync: policy, volatile } = core.options;
  return policy !== 'never' && !volatile && !(policy === 'auto' && core.upper!.inMemory);
}

/** Gives the copy of a regular file all that its lower twin has but the data. */
function dressCopy(core: Core, file: File, copy: PendingCopy): Errno {
  const dir = file.lowerDir!.fd();
  if (dir < 0) return -dir;
  const linked = copy.lower.nlink > 1;
  const origin = linked ? null : encodeOrigin(dir, file.lowerName, file.lowerDir!.layer.uuid);
  if (typeof origin === 'number') return origin;
  return dress(core, copy.lower, dir, file.lowerName, copy.made.fd, null, origin);
}

/** Moves the finished copy into place; a file that was deleted meanwhile stays without a name. */
function publishCopy(core: Core, call: Call, file: File, copy: PendingCopy): Errno {
  const parent = file.parent;
  const unseen = statAt(copy.made.fd, null, upperStat);
  if (unseen !== OK) return unseen;
  const { ino } = upperStat;
  if (parent === null) {
    const errno = core.hold(file, dup(copy.made.fd), call.uid);
    if (errno !== OK) return errno;
    core.work!.remove(copy.made.name);
  } else {
    const errno =
      copyUpDir(core, parent) ||
      (copy.lower.nlink === 1 ? markImpure(core, parent) : OK) ||
      keepingTimes(parent, (upper) => renameat2(core.work!.fd, copy.made.name, upper, file.name, 0));
    if (errno !== OK) return errno;
  }
  file.copying = null;
  core.descriptors.unpin(copy.payer);
  becameUpper(core, file, copy.lower, ino, copy.made.fd);
  return OK;
}

/** Lets go of a copy that no job works on. */
export function abandonCopy(core: Core, file: File): void {
  if (file.copying === null) return;
  core.work!.discard(file.copying.made);
  core.descriptors.unpin(file.copying.payer);
  file.copying = null;
}

/**
 * The inode's real file is the upper one from now on. A lower hard link gets a number of its own: its other names
 * stay with the lower file.
 * @param ino the upper file's real number
 * @param fd the upper file, open; -1 where it is not
 */
function becameUpper(core: Core, file: File, lower: Stat, ino: number, fd: number): void {
  core.files.discard(file);
  file.upper = true;
  core.attributesChanged(file);
  file.upperIno = ino;
  if (fd >= 0) core.files.adopt(file, fd);
  if (fd >= 0 && lower.guard !== 0) protect(fd, lower.guard);
  // Where the copy could not be protected. What cannot be asked stays as protected as it was.
  if (lower.guard !== 0) core.statOf(file, upperStat);
  if (lower.nlink === 1) return;
  file.ino = core.numbers.of(core.upper!, ino);
  file.parent?.view?.set(file.name, file.ino, file.type >> 12);
}

/** Runs what adds a name to an upper directory, and puts the directory's times back: it looks the same as before. */
function keepingTimes(parent: Dir, change: (upper: number) => Errno): Errno {
  const fd = parent.upper!.fd();
  if (fd < 0) return -fd;
  const unseen = statAt(fd, null, parentStat);
  if (unseen !== OK) return unseen;
  const errno = change(fd);
  if (errno === OK) {
    const { atimeSec, atimeNs, mtimeSec, mtimeNs } = parentStat;
    utimesAt(fd, null, atimeSec, atimeNs, mtimeSec, mtimeNs);
  }
  return errno;
}

/** Says that files in the directory may have an origin, so that readers of the format look for it. */
export function markImpure(core: Core, dir: Dir): Errno {
  return unlessUnsupported(dir.upper!.markImpure(core.xattrs));
}
