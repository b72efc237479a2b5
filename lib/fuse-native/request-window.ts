/**
 * What the kernel asked, in its own words.
 *
 * libfuse and the binding drop most of a request on its way to JavaScript: who asks, create's open flags, which of
 * two times is meant, nanoseconds, bytes that are not UTF-8. The request itself still stands in the receive buffer
 * of the libfuse thread that serves it, and that thread sleeps until we answer. So it is read from there, through
 * /proc/self/mem: a read of our own memory that cannot fault and never writes.
 *
 *   the binding's shared memory   its own address  ── names the semaphore that the thread sleeps on
 *   /proc/self/task/N/syscall     futex(address)   ── names the thread, and gives its stack pointer
 *   that thread's stack           pointers         ── the outermost that leads to a request is its buffer's
 *
 * A thread has one receive buffer for life (option no_splice_read), so the search is made once for each thread;
 * from then on a request costs one pread(2) of 1 µs. Every read is checked (`holds`): a header that does not fit
 * the operation being served means another search, and a failed search is an EIO, never a guess.
 */
import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { type ByteString, bytesOf } from '../base/bytes';
import type { FuseThread } from './binding';

/** `fuse_thread_locals_t` as fuse-native 2.2.6 lays it out on x86-64. */
const LOCALS_SIZE = 360;
const LOCALS_OWN_ADDRESS = 232;

/** struct fuse_in_header (linux/fuse.h). */
const HEADER_SIZE = 40;
/** A header and the longest body that is looked at: RENAME, with two names. */
const WINDOW_SIZE = HEADER_SIZE + 8 + 2 * 256;
/** The two requests that carry data, and what no other reaches. */
const WRITE = 16;
const SETXATTR = 21;
const MAX_WITH_DATA = 0x22000;
const MAX_WITHOUT_DATA = 8192;

/** libfuse's deepest frames hold a PATH_MAX buffer; above them stand the thread's local variables. */
const STACK_SIZE = 65536;
const MIN_ADDRESS = 65536;
const MAX_ADDRESS = 2 ** 47;
const FUTEX = '202';
const TRIES = 400;

const pause = new Int32Array(new SharedArrayBuffer(4));

export class RequestWindow {
  private readonly memory = openSync('/proc/self/mem', 'r');
  private readonly bytes = Buffer.alloc(WINDOW_SIZE);
  private readonly stack = Buffer.alloc(STACK_SIZE);
  /** Where each thread's receive buffer is; set by `search` only. */
  private readonly buffers = new Map<FuseThread, number>();

  /** The binding asks for memory of this size for each thread: is it the layout that is known here? */
  static fits(localsSize: number): boolean {
    return localsSize === LOCALS_SIZE && process.arch === 'x64';
  }

  close(): void {
    closeSync(this.memory);
  }

  /**
   * Shows the request that the thread serves. False where it cannot be found.
   * Preconditions: the thread waits for our answer.
   */
  open(thread: FuseThread, opcodes: readonly number[]): boolean {
    const known = this.buffers.get(thread);
    if (known !== undefined && this.load(known) && this.holds(opcodes)) return true;
    return this.search(thread, opcodes);
  }

  get opcode(): number {
    return this.bytes.readUInt32LE(4);
  }
  /** libfuse's own node number. */
  get node(): number {
    return Number(this.bytes.readBigUInt64LE(16));
  }
  get uid(): number {
    return this.bytes.readUInt32LE(24);
  }
  get gid(): number {
    return this.bytes.readUInt32LE(28);
  }
  get pid(): number {
    return this.bytes.readUInt32LE(32);
  }

  /** Fields of the body, by their offset in it. */
  u32(offset: number): number {
    return this.bytes.readUInt32LE(HEADER_SIZE + offset);
  }
  u64(offset: number): number {
    return Number(this.bytes.readBigUInt64LE(HEADER_SIZE + offset));
  }
  i64(offset: number): number {
    return Number(this.bytes.readBigInt64LE(HEADER_SIZE + offset));
  }
  /** The NUL-terminated string at an offset of the body; at most 255 bytes, as all names are. */
  string(offset: number): ByteString {
    const start = HEADER_SIZE + offset;
    const end = this.bytes.indexOf(0, start);
    return bytesOf(this.bytes, start, end < 0 ? start : end);
  }

  private load(address: number): boolean {
    try {
      return readSync(this.memory, this.bytes, 0, WINDOW_SIZE, address) === WINDOW_SIZE;
    } catch {
      return false;
    }
  }

  /** Do the bytes read as a request of one of these kinds? */
  private holds(opcodes: readonly number[]): boolean {
    const length = this.bytes.readUInt32LE(0);
    const { opcode } = this;
    return (
      length >= HEADER_SIZE &&
      length <= (opcode === WRITE || opcode === SETXATTR ? MAX_WITH_DATA : MAX_WITHOUT_DATA) &&
      this.bytes.readUInt32LE(36) === 0 &&
      opcodes.includes(opcode)
    );
  }

  private search(thread: FuseThread, opcodes: readonly number[]): boolean {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const top = this.stackPointer(thread);
      if (top !== 0 && this.searchStack(thread, top, opcodes)) return true;
      // The thread is between waking us and falling asleep.
      Atomics.wait(pause, 0, 0, 0.05);
    }
    return false;
  }

  /** The stack pointer of the thread that sleeps on a futex inside `thread`, or 0. */
  private stackPointer(thread: FuseThread): number {
    const start = Number(thread.readBigUInt64LE(LOCALS_OWN_ADDRESS));
    for (const task of readdirSync('/proc/self/task')) {
      let line: string;
      try {
        line = readFileSync(`/proc/self/task/${task}/syscall`, 'latin1');
      } catch {
        continue;
      }
      const fields = line.split(' ');
      if (fields[0] !== FUTEX) continue;
      const futex = Number(fields[1]);
      if (futex >= start && futex < start + LOCALS_SIZE) return Number(fields[7]);
    }
    return 0;
  }

  /**
   * Takes the outermost address on the stack that leads to such a request: the thread's main function holds its
   * buffer. Frames further in may still show what an earlier thread left on the same stack.
   */
  private searchStack(thread: FuseThread, top: number, opcodes: readonly number[]): boolean {
    const length = readSync(this.memory, this.stack, 0, STACK_SIZE, top);
    for (let at = this.endOfStack(top, length) - 8; at >= 0; at -= 8) {
      const pointer = this.word(at);
      if (pointer < MIN_ADDRESS || pointer >= MAX_ADDRESS || pointer % 8 !== 0) continue;
      if (!this.load(pointer) || !this.holds(opcodes)) continue;
      this.buffers.set(thread, pointer);
      return true;
    }
    return false;
  }

  /**
   * Where the thread's stack ends, counted from `top`; 0 where that cannot be seen. Above the stack stands the
   * thread's control block (glibc's tcbhead_t), which begins with its own address, and has it again in the third
   * word.
   */
  private endOfStack(top: number, length: number): number {
    for (let at = 0; at + 24 <= length; at += 8) {
      if (this.word(at) === top + at && this.word(at + 16) === top + at) return at;
    }
    return 0;
  }

  private word(at: number): number {
    return this.stack.readUInt32LE(at) + this.stack.readUInt32LE(at + 4) * 2 ** 32;
  }
}
