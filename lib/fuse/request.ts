/**
 * A request message under decoding: its header, then a cursor over its body that cannot overrun. Reading past
 * the end sets `short` and gives zeros; whoever decoded then answers EINVAL, or EFBIG for `tooLarge`.
 */
import { type ByteString, bytesOf } from '../base/bytes';
import { EXT_GROUPS, IN_HEADER_BYTES } from './abi';

const EMPTY = Buffer.alloc(0);
const TWO_32 = 0x1_0000_0000;

export class Request {
  /** The header; valid after `load` said true. The unique id stays in two halves: its top bit may be set. */
  opcode = 0;
  uniqueLow = 0;
  uniqueHigh = 0;
  node = 0;
  uid = 0;
  gid = 0;
  pid = 0;
  /** Its caller got a signal while it was parked; changed by Parking only. */
  signalled = false;
  /** More was read than the message holds. */
  short = false;
  /** A size or offset is larger than what a number holds exactly. */
  tooLarge = false;

  private readonly view: DataView;
  private length = 0;
  /** Where the next read happens; where the body ends and the extensions begin. */
  private at = 0;
  private end = 0;

  constructor(readonly bytes: Buffer) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Starts on the message in the first `length` bytes. False: it has no whole header. */
  load(length: number): boolean {
    if (length < IN_HEADER_BYTES || length > this.bytes.length) return false;
    const view = this.view;
    this.length = length;
    this.opcode = view.getUint32(4, true);
    this.uniqueLow = view.getUint32(8, true);
    this.uniqueHigh = view.getUint32(12, true);
    this.node = view.getUint32(16, true) + view.getUint32(20, true) * TWO_32;
    this.uid = view.getUint32(24, true);
    this.gid = view.getUint32(28, true);
    this.pid = view.getUint32(32, true);
    const extensionBytes = view.getUint16(36, true) * 8;
    this.at = IN_HEADER_BYTES;
    this.end = this.length - extensionBytes;
    this.tooLarge = false;
    this.short = view.getUint32(0, true) !== length || this.end < IN_HEADER_BYTES;
    return true;
  }

  /** A copy that stays when the buffer is reused; to be loaded with its whole length. */
  copy(): Request {
    const copy = new Request(Buffer.from(this.bytes.subarray(0, this.length)));
    copy.signalled = this.signalled;
    return copy;
  }

  u32(): number {
    const at = this.take(4);
    return at < 0 ? 0 : this.view.getUint32(at, true);
  }

  /** Exact below 2^53. */
  u64(): number {
    const at = this.take(8);
    return at < 0 ? 0 : this.view.getUint32(at, true) + this.view.getUint32(at + 4, true) * TWO_32;
  }

  /** A size or offset, never a rounded one: beyond 2^53 - 1 `tooLarge` is set. */
  size(): number {
    const size = this.u64();
    if (size > Number.MAX_SAFE_INTEGER) this.tooLarge = true;
    return size;
  }

  i64(): number {
    const at = this.take(8);
    return at < 0 ? 0 : this.view.getUint32(at, true) + this.view.getInt32(at + 4, true) * TWO_32;
  }

  /** Bytes of the body that were not read yet. */
  get left(): number {
    return this.end - this.at;
  }

  skip(length: number): void {
    this.take(length);
  }

  /** Bytes up to a NUL, which is taken too. */
  cstring(): ByteString {
    const start = this.at;
    let end = start;
    while (end < this.end && this.bytes[end] !== 0) end++;
    if (end >= this.end) {
      this.short = true;
      return '' as ByteString;
    }
    this.at = end + 1;
    return bytesOf(this.bytes, start, end);
  }

  /** The next `length` bytes, in place: valid until the next message. */
  data(length: number): Buffer {
    const at = this.take(length);
    return at < 0 ? EMPTY : this.bytes.subarray(at, at + length);
  }

  /** The group of the first supplementary-groups extension (struct fuse_supp_groups), or -1. */
  supplementaryGroup(): number {
    // Then the extensions may begin before the message.
    if (this.short) return -1;
    for (let at = this.end; at + 8 <= this.length; ) {
      const size = this.view.getUint32(at, true);
      if (size < 8 || at + size > this.length) {
        this.short = true;
        return -1;
      }
      if (this.view.getUint32(at + 4, true) === EXT_GROUPS && size >= 16) {
        return this.view.getUint32(at + 8, true) > 0 ? this.view.getUint32(at + 12, true) : -1;
      }
      at += size;
    }
    return -1;
  }

  /** Where `length` bytes begin, or -1 when there are not that many. */
  private take(length: number): number {
    const at = this.at;
    if (this.short || length > this.end - at) {
      this.short = true;
      return -1;
    }
    this.at = at + length;
    return at;
  }
}
