/** Opening, closing and duplicating file descriptors: open(2), close(2), dup(2), memory of a process's limits. */
import type { ByteString } from '../base/bytes';
import { type Count, EMFILE, ENFILE, type Errno } from '../base/errno';
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
const RLIMIT_CORE = 4;

let makeRoom: () => boolean = () => false;

/**
 * From now on, who finds that no descriptor is left asks for room first, and tries again where there is some.
 * @param relieve closes descriptors that are not in use; false where there are none
 */
export function onNoDescriptors(relieve: () => boolean): void {
  makeRoom = relieve;
}

/** Is the answer that of a call that found no descriptor, and may find one now? */
export function hasRoomNow(answer: Count): boolean {
  return (answer === -EMFILE || answer === -ENFILE) && makeRoom();
}

/** openat(2); the descriptor is always close-on-exec. */
export function openat(dir: number, name: ByteString, flags: number, mode = 0): Count {
  const fd = countOf(cOpenat(dir, cstr(name), flags | O_CLOEXEC, mode));
  return fd < 0 && hasRoomNow(fd) ? countOf(cOpenat(dir, cstr(name), flags | O_CLOEXEC, mode)) : fd;
}

const how = Buffer.alloc(24);

/** openat2(2) with a resolve mask (RESOLVE_*): for paths of more than one component. */
export function openat2(dir: number, path: ByteString, flags: number, resolve: number): Count {
  how.writeBigUInt64LE(BigInt(flags | O_CLOEXEC), 0);
  how.writeBigUInt64LE(0n, 8);
  how.writeBigUInt64LE(BigInt(resolve), 16);
  const fd = countOf(Number(cSyscall4(OPENAT2, dir, cstr(path), how, how.length)));
  return fd < 0 && hasRoomNow(fd)
    ? countOf(Number(cSyscall4(OPENAT2, dir, cstr(path), how, how.length)))
    : fd;
}

export function close(fd: number): Errno {
  return errnoOf(cClose(fd));
}

export function dup(fd: number): Count {
  const copy = countOf(cDup(fd));
  return copy < 0 && hasRoomNow(copy) ? countOf(cDup(fd)) : copy;
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
 * Returns the limit now in force, 0 where it cannot be told.
 */
export function raiseOpenFileLimit(wanted: number): number {
  const limit = Buffer.alloc(16);
  limit.writeBigUInt64LE(BigInt(wanted), 0);
  limit.writeBigUInt64LE(BigInt(wanted), 8);
  if (cPrlimit(0, RLIMIT_NOFILE, limit, null) === 0) return wanted;
  if (cPrlimit(0, RLIMIT_NOFILE, null, limit) !== 0) return 0;
  const soft = limit.readBigUInt64LE(0);
  const hard = limit.readBigUInt64LE(8);
  limit.writeBigUInt64LE(hard, 0);
  const raised = cPrlimit(0, RLIMIT_NOFILE, limit, null) === 0;
  return Math.min(Number(raised ? hard : soft), wanted);
}

/**
 * No core dump of this process, to a file or to a program (a limit of 1 says so of both, core(5)). Returns whether that
 * is so now.
 */
export function forbidCoreDumps(): boolean {
  const limit = Buffer.alloc(16);
  limit.writeBigUInt64LE(1n, 0);
  limit.writeBigUInt64LE(1n, 8);
  return cPrlimit(0, RLIMIT_CORE, limit, null) === 0;
}
