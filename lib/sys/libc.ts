/**
 * libc through koffi: the one place where native functions are loaded. The other files of this folder wrap one
 * syscall each, with the semantics of its man page and stratafs's currency: an Errno, or a Count (>= 0, or a
 * negated errno).
 *
 * Names are byte strings; they are copied, NUL-terminated, into one of two scratch buffers just before a call, so
 * a wrapper may hold at most one name in each slot.
 */
import koffi from 'koffi';
import type { ByteString } from '../base/bytes';
import { type Count, EIO, type Errno } from '../base/errno';

const library = koffi.load('libc.so.6');

export type NativeFunction = ReturnType<ReturnType<typeof koffi.load>['func']>;

/** Declares a libc function by its C prototype; `int64_t` stands for ssize_t and off_t. */
export function native(prototype: string): NativeFunction {
  return library.func(prototype);
}

/** A syscall that the C library has no wrapper for: its number on this machine's architecture. */
export function syscallNumber(numbers: { x64: number; arm64: number }): number {
  return process.arch === 'arm64' ? numbers.arm64 : numbers.x64;
}

/** errno(3) of this thread, which is where this module was loaded: read without a second native call. */
const errnoCell = new Int32Array(koffi.view(native('void *__errno_location()')() as bigint, 4));

/** Why the call that has just failed did. Never 0: whatever runs between the two, a failure is none the less one. */
function lastErrno(): Errno {
  return errnoCell[0] || EIO;
}

/** The result of a call that returns 0 or -1. */
export function errnoOf(result: number): Errno {
  return result < 0 ? lastErrno() : 0;
}

/** The result of a call that returns a number or -1. */
export function countOf(result: number): Count {
  return result < 0 ? -lastErrno() : result;
}

const SLOT_BYTES = 8192;
const slotA = Buffer.alloc(SLOT_BYTES);
const slotB = Buffer.alloc(SLOT_BYTES);

function fill(slot: Buffer, name: string): Buffer {
  const length = Math.min(name.length, SLOT_BYTES - 1);
  slot.write(name, 0, length, 'latin1');
  slot[length] = 0;
  return slot;
}

/** The name as a C string, valid until the next call of `cstr`. */
export function cstr(name: ByteString | string): Buffer {
  return fill(slotA, name);
}

/** A second name as a C string, valid until the next call of `cstr2`. */
export function cstr2(name: ByteString | string): Buffer {
  return fill(slotB, name);
}
