/** Opening, closing and duplicating file descriptors: open(2), close(2), dup(2), memory of a process's limits. */
import type { ByteString } from '../base/bytes';
import type { Count, Errno } from '../base/errno';
import { countOf, cstr, errnoOf, native, syscallNumber } from './libc';

export const AT_FDCWD = -100;
const O_CLOEXEC = 0o2000000;
/** open_how.resolve of openat2(2). */
export const RESOLVE_NO_XDEV = 1;
export const RESOLVE_NO_SYMLINKS = 4;
export const RESOLVE_BENEATH = 8;

const cOpenat = native('int openat(int, const void *, int, uint)');
const cClose = native('int close(int)');
const cDup = native('int dup(int)');
const cDup2 = native('int dup2(int, int)');
const cFcntl = native('int fcntl(int, int, int64_t)');
const cSyscall4 = native('int64_t syscall(int64_t, int64_t, void *, void *, int64_t)');
const cPrlimit = native('int prlimit(int, int, const void *, void *)');
const OPENAT2 = syscallNumber({ x64: 437, arm64: 437 });
const RLIMIT_NOFILE = 7;

/** openat(2); the descriptor is always close-on-exec. */
export function openat(dir: number, name: ByteString, flags: number, mode = 0): Count {
  return countOf(cOpenat(dir, cstr(name), flags | O_CLOEXEC, mode));
}

const how = Buffer.alloc(24);

/** openat2(2) with a resolve mask (RESOLVE_*): for paths of more than one component. */
export function openat2(dir: number, path: ByteString, flags: number, resolve: number): Count {
  how.writeBigUInt64LE(BigInt(flags | O_CLOEXEC), 0);
  how.writeBigUInt64LE(0n, 8);
  how.writeBigUInt64LE(BigInt(resolve), 16);
  return countOf(cSyscall4(OPENAT2, dir, cstr(path), how, how.length));
}

export function close(fd: number): Errno {
  return errnoOf(cClose(fd));
}

export function dup(fd: number): Count {
  return countOf(cDup(fd));
}

/** dup2(2): `to` is then the same open file as `fd`, and is inherited by programs. */
export function dup2(fd: number, to: number): Count {
  return countOf(cDup2(fd, to));
}

const F_GETFD = 1;
const F_SETFD = 2;
const F_GETFL = 3;
const F_SETFL = 4;

/** Whether the descriptor is open. */
export function isOpen(fd: number): boolean {
  return cFcntl(fd, F_GETFD, 0) >= 0;
}

/** Sets or clears O_NONBLOCK. */
export function setNonBlocking(fd: number, on: boolean): Errno {
  const O_NONBLOCK = 0o4000;
  const flags = cFcntl(fd, F_GETFL, 0);
  if (flags < 0) return errnoOf(-1);
  return errnoOf(cFcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK));
}

/** Lets a descriptor be inherited by programs that this process starts. */
export function keepOnExec(fd: number): Errno {
  return errnoOf(cFcntl(fd, F_SETFD, 0));
}

/**
 * Raises the limit of open files as far as allowed (a privileged process past its hard limit, up to `wanted`).
 * Returns the limit now in force.
 */
export function raiseOpenFileLimit(wanted: number): number {
  const limit = Buffer.alloc(16);
  limit.writeBigUInt64LE(BigInt(wanted), 0);
  limit.writeBigUInt64LE(BigInt(wanted), 8);
  if (cPrlimit(0, RLIMIT_NOFILE, limit, null) === 0) return wanted;
  cPrlimit(0, RLIMIT_NOFILE, null, limit);
  const hard = limit.readBigUInt64LE(8);
  limit.writeBigUInt64LE(hard, 0);
  cPrlimit(0, RLIMIT_NOFILE, limit, null);
  return Math.min(Number(hard), wanted);
}
