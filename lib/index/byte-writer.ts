/** Bytes that grow at their end, little-endian, in memory that can be given to another thread. */
import type { ByteString } from '../base/bytes';

export class ByteWriter {
  /** What is written is `bytes[0 .. length)`. Replaced when it grows. */
  bytes: Buffer;
  /** May be set back to drop the latest bytes. */
  length = 0;
  private view: DataView;

  constructor(private readonly initialSize: number) {
    this.bytes = Buffer.from(new ArrayBuffer(initialSize));
    this.view = new DataView(this.bytes.buffer);
  }

  /** Makes room for `size` more bytes; the `put` methods need it, and check nothing. */
  reserve(size: number): void {
    const needed = this.length + size;
    if (needed <= this.bytes.length) return;
    const larger = Buffer.from(new ArrayBuffer(Math.max(needed, this.bytes.length * 2)));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
    this.view = new DataView(larger.buffer);
  }

  /** Gives what is written away, and starts anew. */
  take(): ArrayBuffer {
    const { buffer } = this.bytes;
    this.bytes = Buffer.from(new ArrayBuffer(this.initialSize));
    this.view = new DataView(this.bytes.buffer);
    this.length = 0;
    return buffer as ArrayBuffer;
  }

  putU8(value: number): void {
    this.bytes[this.length++] = value;
  }

  putU16(value: number): void {
    this.view.setUint16(this.length, value, true);
    this.length += 2;
  }

  putU32(value: number): void {
    this.setU32(this.length, value);
    this.length += 4;
  }

  setU32(at: number, value: number): void {
    this.view.setUint32(at, value, true);
  }

  putF64(value: number): void {
    this.view.setFloat64(this.length, value, true);
    this.length += 8;
  }

  /** Seven bits a byte, lowest first; `value` is a whole number >= 0. At most MAX_VARINT bytes. */
  putVarint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.bytes[this.length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.bytes[this.length++] = rest;
  }

  putBytes(value: ByteString): void {
    this.length += this.bytes.write(value, this.length, 'latin1');
  }
}

/** The bytes of the longest varint: those of 2^64. */
export const MAX_VARINT = 10;
