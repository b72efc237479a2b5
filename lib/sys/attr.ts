/** What changes attributes: fchmodat2(2), fchownat(2), utimensat(2), truncate; and who the thread acts as. */

import type { Name } from '../base/bytes';
import { ENOSYS, type Errno } from '../base/errno';
import { cstr, errnoOf, native, syscallNumber } from './libc';
import { AT_FDCWD } from './open';

const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EMPTY_PATH = 0x1000;

const cFchmod = native('int fchmod(int, uint)');
const cFchmodat = native('int fchmodat(int, const void *, uint, int)');
const cSyscallChmod = native('int64_t syscall(int64_t, int64_t, const void *, int64_t, int64_t)');
const cFchownat = native('int fchownat(int, const void *, uint, uint, int)');
const cUtimensat = native('int utimensat(int, const void *, const void *, int)');
const cFtruncate = native('int ftruncate(int, int64_t)');
const cUmask = native('uint umask(uint)');
const cSetfsuid = native('int setfsuid(uint)');
const cSetfsgid = native('int setfsgid(uint)');
const cUnshare = native('int unshare(int)');
const cPrctl = native('int prctl(int, uint64_t, uint64_t, uint64_t, uint64_t)');
const FCHMODAT2 = syscallNumber({ x64: 452, arm64: 452 });

export function fchmod(fd: number, mode: number): Errno {
  return errnoOf(cFchmod(fd, mode));
}

/** The flags for a name (not followed), or for the descriptor itself where the name is null (O_PATH too). */
function flagsFor(name: Name | null): number {
  return name === null ? AT_EMPTY_PATH : AT_SYMLINK_NOFOLLOW;
}

let haveFchmodat2 = true;

/** fchmodat2(2) (Linux 6.6) of a name that is no symlink, or of the descriptor `dir` where the name is null. */
export function chmodAt(dir: number, name: Name | null, mode: number): Errno {
  if (haveFchmodat2) {
    const errno = errnoOf(Number(cSyscallChmod(FCHMODAT2, dir, cstr(name ?? ''), mode, flagsFor(name))));
    if (errno !== ENOSYS) return errno;
    haveFchmodat2 = false;
  }
  const path = name === null ? `/proc/self/fd/${dir}` : `/proc/self/fd/${dir}/${name}`;
  return errnoOf(cFchmodat(AT_FDCWD, cstr(path), mode, 0));
}

/** 0xffffffff leaves a user or group alone. */
export const KEEP_ID = 0xffffffff;

/** fchownat(2) of the name itself, symlink or not; of the descriptor `dir` where the name is null. */
export function chownAt(dir: number, name: Name | null, uid: number, gid: number): Errno {
  return errnoOf(cFchownat(dir, cstr(name ?? ''), uid, gid, flagsFor(name)));
}

export const UTIME_NOW = 0x3fffffff;
export const UTIME_OMIT = 0x3ffffffe;

const times = Buffer.alloc(32);
const timesView = new DataView(times.buffer, times.byteOffset, times.length);

function putTime(offset: number, seconds: number, ns: number): void {
  const high = Math.floor(seconds / 0x1_0000_0000);
  timesView.setUint32(offset, seconds - high * 0x1_0000_0000, true);
  timesView.setInt32(offset + 4, high, true);
  timesView.setUint32(offset + 8, ns, true);
}

/**
 * utimensat(2) of the name itself, symlink or not; of the descriptor `dir` where the name is null. Nanoseconds
 * may be UTIME_NOW or UTIME_OMIT.
 */
export function utimesAt(
  dir: number,
  name: Name | null,
  atimeSec: number,
  atimeNs: number,
  mtimeSec: number,
  mtimeNs: number,
): Errno {
  putTime(0, atimeSec, atimeNs);
  putTime(16, mtimeSec, mtimeNs);
  return errnoOf(cUtimensat(dir, cstr(name ?? ''), times, flagsFor(name)));
}

export function ftruncate(fd: number, size: number): Errno {
  return errnoOf(cFtruncate(fd, size));
}

const CLONE_FS = 0x200;
const PR_SET_SECUREBITS = 28;
const SECBIT_NO_SETUID_FIXUP = 4;

/**
 * Gives this thread its own umask and lets it change its file-system user without losing capabilities, so that
 * `actAs` affects nobody else. Returns the errno of the part that is not permitted (an unprivileged process).
 */
export function ownThreadCredentials(): Errno {
  const errno = errnoOf(cUnshare(CLONE_FS));
  return errno !== 0 ? errno : errnoOf(cPrctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0));
}

let umask = -1;

/** Sets the thread's umask. */
export function setUmask(mask: number): void {
  if (mask === umask) return;
  cUmask(mask);
  umask = mask;
}

/** Sets the user and group that own what this thread creates: setfsuid(2), setfsgid(2), per thread. */
export function actAs(uid: number, gid: number): void {
  cSetfsgid(gid);
  cSetfsuid(uid);
}
