/** A reply under encoding: a writer that appends behind the header, which is filled in last. */
import type { ByteString } from '../base/bytes';
import { MAX_WRITE, OUT_HEADER_BYTES } from './abi';
import type { Request } from './request';

const TWO_32 = 0x1_0000_0000;

export class Reply {
  readonly bytes = Buffer.alloc(OUT_HEADER_BYTES + MAX_WRITE);
  /** Where the next byte goes; the reply's length in the end. */
  at = OUT_HEADER_BYTES;
  private readonly view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length);
  /** Views of the first bytes of the body by their length, so that a READ needs no new one. */
  private readonly rooms = new Map<number, Buffer>();

  reset(): void {
    this.at = OUT_HEADER_BYTES;
  }

  u32(value: number): void {
    this.view.setUint32(this.at, value, true);
    this.at += 4;
  }

  u16(value: number): void {
    this.view.setUint16(this.at, value, true);
    this.at += 2;
  }

  /** Any integer below 2^53, negative ones in two's complement. */
  u64(value: number): void {
    const high = Math.floor(value / TWO_32);
    this.view.setUint32(this.at, value - high * TWO_32, true);
    this.view.setUint32(this.at + 4, high, true);
    this.at += 8;
  }

  zeros(length: number): void {
    this.bytes.fill(0, this.at, this.at + length);
    this.at += length;
  }

  /** Bytes with zeros up to the next multiple of 8. */
  padded(name: ByteString): void {
    this.bytes.write(name, this.at, 'latin1');
    this.at += name.length;
    this.zeros(-this.at & 7);
  }

  /** Space for up to `length` bytes of body, to be filled in place; `skip` then says how many were. */
  room(length: number): Buffer {
    const size = Math.min(length, MAX_WRITE);
    const known = this.rooms.get(size);
    if (known !== undefined && this.at === OUT_HEADER_BYTES) return known;
    const room = this.bytes.subarray(this.at, this.at + size);
    if (this.at === OUT_HEADER_BYTES && size % 4096 === 0) this.rooms.set(size, room);
    return room;
  }

  skip(length: number): void {
    this.at += length;
  }

  /** Completes the header; an error carries no body. */
  finish(request: Request, errno: number): void {
    if (errno !== 0) this.at = OUT_HEADER_BYTES;
    this.view.setUint32(0, this.at, true);
    this.view.setInt32(4, -errno, true);
    this.view.setUint32(8, request.uniqueLow, true);
    this.view.setUint32(12, request.uniqueHigh, true);
  }
}
