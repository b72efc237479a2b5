/** Data: pread(2), pwrite(2), fsync(2), fallocate(2), lseek(2), copy_file_range(2), ioctl(2), poll(2), eventfd(2). */
import type { Count, Errno } from '../base/errno';
import { countOf, errnoOf, type NativeFunction, native } from './libc';

const cRead = native('int64_t read(int, void *, size_t)');
const cWrite = native('int64_t write(int, const void *, size_t)');
const cPread = native('int64_t pread(int, void *, size_t, int64_t)');
const cPwrite = native('int64_t pwrite(int, const void *, size_t, int64_t)');
const cFsync = native('int fsync(int)');
const cFdatasync = native('int fdatasync(int)');
const cSyncfs = native('int syncfs(int)');
const cFallocate = native('int fallocate(int, int, int64_t, int64_t)');
const cLseek = native('int64_t lseek(int, int64_t, int)');
const cCopyFileRange = native('int64_t copy_file_range(int, void *, int, void *, size_t, uint)');
const cIoctl = native('int ioctl(int, uint64_t, void *)');
const cIoctlNumber = native('int ioctl(int, uint64_t, int64_t)');
const cPoll = native('int poll(void *, uint64_t, int)');
const cEventfd = native('int eventfd(uint, int)');
const cFlock = native('int flock(int, int)');

/** read(2) of a whole buffer, or of its first `length` bytes. */
export function read(fd: number, into: Buffer, length = into.length): Count {
  return countOf(cRead(fd, into, length));
}

/** write(2) of a whole buffer, or of its first `length` bytes. */
export function write(fd: number, data: Buffer, length = data.length): Count {
  return countOf(cWrite(fd, data, length));
}

/** One pread(2) of up to `length` bytes. */
export function pread(fd: number, into: Buffer, offset: number, length = into.length): Count {
  return countOf(cPread(fd, into, length, offset));
}

/** One pwrite(2). */
export function pwrite(fd: number, data: Buffer, offset: number): Count {
  return countOf(cPwrite(fd, data, data.length, offset));
}

export function fsync(fd: number): Errno {
  return errnoOf(cFsync(fd));
}

export function fallocate(fd: number, mode: number, offset: number, length: number): Errno {
  return errnoOf(cFallocate(fd, mode, offset, length));
}

export function lseek(fd: number, offset: number, whence: number): Count {
  return countOf(cLseek(fd, offset, whence));
}

const fromOffsetCell = Buffer.alloc(8);
const toOffsetCell = Buffer.alloc(8);

/** One copy_file_range(2) between given offsets; file positions stay. */
export function copyFileRange(
  from: number,
  fromOffset: number,
  to: number,
  toOffset: number,
  length: number,
): Count {
  fromOffsetCell.writeBigInt64LE(BigInt(fromOffset));
  toOffsetCell.writeBigInt64LE(BigInt(toOffset));
  return countOf(cCopyFileRange(from, fromOffsetCell, to, toOffsetCell, length, 0));
}

const FICLONE = 0x40049409;

/** Shares all of `from`'s data with `to` (FICLONE); an errno where the file systems cannot. */
export function clone(from: number, to: number): Errno {
  return errnoOf(cIoctlNumber(to, FICLONE, from));
}

/** ioctl(2) with a buffer that is read and written. */
export function ioctl(fd: number, command: number, argument: Buffer): Count {
  return countOf(cIoctl(fd, command, argument));
}

/** ioctl(2) with a number. */
export function ioctlNumber(fd: number, command: number, argument: number): Count {
  return countOf(cIoctlNumber(fd, command, argument));
}

export const POLLIN = 1;
export const POLLERR = 8;
export const POLLHUP = 16;

/** poll(2) for input on a fixed set of descriptors. */
export class Poller {
  private readonly set: Buffer;

  constructor(private readonly fds: readonly number[]) {
    this.set = Buffer.alloc(fds.length * 8);
    fds.forEach((fd, i) => {
      this.set.writeInt32LE(fd, i * 8);
      this.set.writeInt16LE(POLLIN, i * 8 + 4);
    });
  }

  /** Waits up to `timeout` ms (-1: for ever). Returns how many descriptors have events. */
  wait(timeout: number): Count {
    return countOf(cPoll(this.set, this.fds.length, timeout));
  }

  /** The events of the i-th descriptor (POLLIN, POLLERR, POLLHUP). */
  events(i: number): number {
    return this.set.readInt16LE(i * 8 + 6);
  }
}

const EFD_CLOEXEC = 0o2000000;
const EFD_NONBLOCK = 0o4000;

/** eventfd(2), non-blocking. */
export function eventfd(): Count {
  return countOf(cEventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

const one = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]);
const cell = Buffer.alloc(8);

/** Wakes whoever polls the eventfd. Any thread may call it. */
export function signalEvent(fd: number): void {
  cWrite(fd, one, 8);
}

/** Takes the eventfd back to zero. */
export function clearEvent(fd: number): void {
  cRead(fd, cell, 8);
}

const LOCK_EX = 2;
const LOCK_NB = 4;

/** flock(2), exclusive, without waiting: EAGAIN where somebody else holds it. */
export function tryLock(fd: number): Errno {
  return errnoOf(cFlock(fd, LOCK_EX | LOCK_NB));
}

/** Calls that may take long, run on koffi's thread pool; each settles with an errno or count as its twin above. */
export const background = {
  fsync: (fd: number, dataOnly: boolean): Promise<Errno> =>
    inBackground(dataOnly ? cFdatasync : cFsync, errnoOf, fd),
  syncfs: (fd: number): Promise<Errno> => inBackground(cSyncfs, errnoOf, fd),
  copyFileRange: (
    from: number,
    fromOffset: number,
    to: number,
    toOffset: number,
    length: number,
  ): Promise<Count> => {
    const offsets = [Buffer.alloc(8), Buffer.alloc(8)] as const;
    offsets[0].writeBigInt64LE(BigInt(fromOffset));
    offsets[1].writeBigInt64LE(BigInt(toOffset));
    return inBackground(cCopyFileRange, countOf, from, offsets[0], to, offsets[1], length, 0);
  },
  write: (fd: number, data: Buffer): Promise<Count> => inBackground(cWrite, countOf, fd, data, data.length),
};

function inBackground(
  fn: NativeFunction,
  result: (value: number) => number,
  ...args: unknown[]
): Promise<number> {
  return new Promise((resolve, reject) => {
    fn.async(...args, (error: Error | null, value: number) =>
      error ? reject(error) : resolve(result(value)),
    );
  });
}
