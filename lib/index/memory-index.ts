/**
 * The index of a mount that has no folder for one, or whose folder cannot be used: records in memory, encoded,
 * at most MEMORY_BYTES of them; the longest unused go first.
 */
import type { ByteString, Name } from '../base/bytes';
import { ByteWriter } from './byte-writer';
import type { ListingHead, ListingIndex, ListingRecord, NameRecord } from './index-store';
import { listingKey, nameKey, partKey } from './keys';
import {
  decodeListing,
  decodeListingOrHead,
  decodeName,
  encodeHead,
  encodeListing,
  encodeName,
} from './records';

/** Keys and records, in bytes; what a Map adds is not counted. */
export const MEMORY_BYTES = 8 << 20;
const SEED = 0;

class MemoryIndex implements ListingIndex {
  /** In the order of use, the latest last. */
  private readonly records = new Map<ByteString, Buffer>();
  private readonly writer = new ByteWriter(4096);
  private bytes = 0;
  private hits = 0;
  private misses = 0;
  private puts = 0;
  private dropped = 0;

  constructor(private readonly limit: number) {}

  get(path: ByteString): ListingRecord | ListingHead | null {
    const key = listingKey(path);
    const record = this.use(key);
    return record === null ? null : decodeListingOrHead(record, SEED, key);
  }

  put(path: ByteString, record: ListingRecord | ListingHead): boolean {
    const key = listingKey(path);
    this.writer.length = 0;
    const encode = 'parts' in record ? encodeHead : encodeListing;
    return this.keep(key, encode(this.writer, SEED, key, record as ListingRecord & ListingHead));
  }

  getPart(path: ByteString, n: number): ListingRecord | null {
    const key = partKey(path, n);
    const record = this.use(key);
    return record === null ? null : decodeListing(record, SEED, key);
  }

  putPart(path: ByteString, n: number, record: ListingRecord): boolean {
    const key = partKey(path, n);
    this.writer.length = 0;
    return this.keep(key, encodeListing(this.writer, SEED, key, record));
  }

  getName(path: ByteString, name: Name): NameRecord | null {
    const key = nameKey(path, name);
    const record = this.use(key);
    return record === null ? null : decodeName(record, SEED, key);
  }

  putName(path: ByteString, name: Name, record: NameRecord): void {
    const key = nameKey(path, name);
    this.writer.length = 0;
    this.keep(key, encodeName(this.writer, SEED, key, record));
  }

  flush(): void {
    // Nothing is collected.
  }

  counters(): Record<string, number> {
    const { hits, misses, puts, dropped, bytes } = this;
    return { hits, misses, puts, dropped, bytes, records: this.records.size };
  }

  close(): void {
    this.records.clear();
    this.bytes = 0;
  }

  private use(key: ByteString): Buffer | null {
    const record = this.records.get(key);
    if (record === undefined) {
      this.misses++;
      return null;
    }
    this.hits++;
    this.records.delete(key);
    this.records.set(key, record);
    return record;
  }

  /** Takes what was encoded, if it was. */
  private keep(key: ByteString, encoded: boolean): boolean {
    this.puts++;
    this.forget(key);
    const size = key.length + this.writer.length;
    if (!encoded || size > this.limit) {
      this.dropped++;
      return false;
    }
    this.records.set(key, Buffer.from(this.writer.bytes.subarray(0, this.writer.length)));
    this.bytes += size;
    for (const oldest of this.records.keys()) {
      if (this.bytes <= this.limit) break;
      this.forget(oldest);
      this.dropped++;
    }
    return true;
  }

  private forget(key: ByteString): void {
    const record = this.records.get(key);
    if (record === undefined) return;
    this.records.delete(key);
    this.bytes -= key.length + record.length;
  }
}

/** @param limit bytes of keys and records that are kept at most */
export function memoryIndex(limit = MEMORY_BYTES): ListingIndex {
  return new MemoryIndex(limit);
}
