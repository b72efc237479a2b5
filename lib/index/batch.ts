/**
 * How records travel from the serving thread to the writer: a message with one buffer, moved and not copied,
 *
 *   entry   0  u32  length of the key    4  u32  length of the value    8  key, value
 */
import type { ByteString } from '../base/bytes';
import type { ByteWriter } from './byte-writer';

const HEAD_BYTES = 8;
/** A longer key (a directory some thousand levels deep) is not kept: it would be written anew for each level. */
export const MAX_KEY_BYTES = 8192;

export interface Batch {
  readonly buffer: ArrayBuffer;
  /** Bytes of the buffer that are entries. */
  readonly length: number;
}

export interface PutOperation {
  readonly type: 'put';
  readonly key: Buffer;
  readonly value: Buffer;
}

/** Appends an entry whose value `encode` appends. False, with nothing appended, where that says so or the key is too long. */
export function appendEntry(out: ByteWriter, key: ByteString, encode: (out: ByteWriter) => boolean): boolean {
  if (key.length > MAX_KEY_BYTES) return false;
  const start = out.length;
  out.reserve(HEAD_BYTES + key.length);
  out.putU32(key.length);
  out.putU32(0);
  out.putBytes(key);
  const valueAt = out.length;
  if (!encode(out)) {
    out.length = start;
    return false;
  }
  out.setU32(start + 4, out.length - valueAt);
  return true;
}

/** The entries as LevelDB takes them; keys and values are views of the batch. */
export function operationsOf(batch: Batch): PutOperation[] {
  const bytes = Buffer.from(batch.buffer, 0, batch.length);
  const operations: PutOperation[] = [];
  let at = 0;
  while (at < bytes.length) {
    const keyAt = at + HEAD_BYTES;
    const valueAt = keyAt + bytes.readUInt32LE(at);
    at = valueAt + bytes.readUInt32LE(keyAt - 4);
    operations.push({ type: 'put', key: bytes.subarray(keyAt, valueAt), value: bytes.subarray(valueAt, at) });
  }
  return operations;
}
