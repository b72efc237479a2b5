/**
 * The index on the serving thread: reads LevelDB itself, and hands records to the writer (index-writer.ts).
 *
 * - Reading is one `getSync`, a few microseconds; nothing is cached here, because the union asks once for each
 *   directory.
 * - What is put is encoded at once, into a batch that is moved to the main thread when it is large, many, or old.
 *   There is no timer here, since the serving thread blocks in poll(2): the age is looked at when something is put,
 *   and the writer, which is told of each batch's beginning, has `flush` called when nothing is put any more. A
 *   killed process loses the batch, which costs a listing.
 * - At most MAX_WAITING_BYTES are handed over and not yet written; what comes beyond is dropped.
 * - LevelDB's exceptions end here: they become misses, and the first one a line in the log.
 */
import type { MessagePort } from 'node:worker_threads';
import type { ByteString, Name } from '../base/bytes';
import type { Logger } from '../base/log';
import { appendEntry, MAX_KEY_BYTES } from './batch';
import { ByteWriter } from './byte-writer';
import { attach, type Database } from './database';
import { messageOf } from './folder';
import type { ListingHead, ListingIndex, ListingRecord, NameRecord } from './index-store';
import type { IndexLink, ToWriter } from './index-writer';
import { listingKey, nameKey, partKey } from './keys';
import { memoryIndex } from './memory-index';
import {
  checksumSeed,
  decodeListing,
  decodeListingOrHead,
  decodeName,
  encodeHead,
  encodeListing,
  encodeName,
} from './records';
import { areSettled } from './settled';
import { Tally } from './tally';

const BATCH_BYTES = 64 << 10;
const BATCH_RECORDS = 64;
const BATCH_AGE_MS = 200;
export const MAX_WAITING_BYTES = 32 << 20;

class LevelIndex implements ListingIndex {
  private readonly writer = new ByteWriter(BATCH_BYTES);
  private records = 0;
  /** When the first record of the batch was put, in ms. */
  private since = 0;
  /** The key of the read that is going on. */
  private readonly key = Buffer.alloc(MAX_KEY_BYTES);
  private closed = false;

  constructor(
    private readonly db: Database,
    private readonly port: MessagePort,
    private readonly tally: Tally,
    private readonly seed: number,
    private readonly log: Logger,
  ) {}

  get(path: ByteString): ListingRecord | ListingHead | null {
    const key = listingKey(path);
    const bytes = this.read(key);
    return bytes === null ? null : this.whole(decodeListingOrHead(bytes, this.seed, key));
  }

  getPart(path: ByteString, n: number): ListingRecord | null {
    const key = partKey(path, n);
    const bytes = this.read(key);
    return bytes === null ? null : this.whole(decodeListing(bytes, this.seed, key));
  }

  getName(path: ByteString, name: Name): NameRecord | null {
    const key = nameKey(path, name);
    const bytes = this.read(key);
    return bytes === null ? null : this.whole(decodeName(bytes, this.seed, key));
  }

  put(path: ByteString, record: ListingRecord | ListingHead): boolean {
    if (!this.mayKeep(record)) return false;
    const key = listingKey(path);
    const encode = (out: ByteWriter): boolean =>
      'parts' in record
        ? encodeHead(out, this.seed, key, record)
        : encodeListing(out, this.seed, key, record);
    return this.keep(appendEntry(this.writer, key, encode));
  }

  putPart(path: ByteString, n: number, record: ListingRecord): boolean {
    if (!this.mayKeep(record)) return false;
    const key = partKey(path, n);
    return this.keep(appendEntry(this.writer, key, (out) => encodeListing(out, this.seed, key, record)));
  }

  putName(path: ByteString, name: Name, record: NameRecord): void {
    if (!this.mayKeep(record)) return;
    const key = nameKey(path, name);
    this.keep(appendEntry(this.writer, key, (out) => encodeName(out, this.seed, key, record)));
  }

  flush(): void {
    if (this.records === 0) return;
    const { length } = this.writer;
    const buffer = this.writer.take();
    this.records = 0;
    this.tally.addWaiting(length);
    const message: ToWriter = { buffer, length };
    this.port.postMessage(message, [buffer]);
  }

  counters(): Record<string, number> {
    return this.tally.toJSON();
  }

  close(): void {
    if (this.closed) return;
    this.flush();
    this.closed = true;
    const done = (): void => {
      const message: ToWriter = 'closed';
      this.port.postMessage(message);
      this.port.close();
    };
    this.db.close().then(done, done);
  }

  private read(key: ByteString): Buffer | null {
    if (this.closed || key.length > this.key.length) return null;
    try {
      const length = this.key.write(key, 'latin1');
      const bytes = this.db.getSync(this.key.subarray(0, length));
      if (bytes !== undefined) return bytes;
      this.tally.add('misses');
    } catch (error) {
      this.damaged(messageOf(error));
    }
    return null;
  }

  private whole<T>(record: T | null): T | null {
    if (record === null) this.damaged('a record has a wrong checksum');
    else this.tally.add('hits');
    return record;
  }

  private damaged(what: string): void {
    this.tally.add('damaged');
    if (!this.tally.tellsFirst()) return;
    this.log.warn(`the index is damaged, what cannot be read is listed again: ${what}`);
  }

  private mayKeep(record: ListingRecord | ListingHead | NameRecord): boolean {
    if (this.closed) return false;
    this.tally.add('puts');
    const now = Date.now();
    if (this.tally.stopped) this.tally.add('lost');
    else if (!areSettled(record.fingerprints, now)) this.tally.add('unsettled');
    else if (this.tally.waiting + this.writer.length > MAX_WAITING_BYTES) this.tally.add('dropped');
    else {
      if (this.records === 0) this.since = now;
      return true;
    }
    return false;
  }

  private keep(appended: boolean): boolean {
    if (!appended) {
      this.tally.add('dropped');
      return false;
    }
    this.records++;
    const full = this.writer.length >= BATCH_BYTES || this.records >= BATCH_RECORDS;
    if (full || Date.now() - this.since >= BATCH_AGE_MS) this.flush();
    else if (this.records === 1) {
      const message: ToWriter = 'collecting';
      this.port.postMessage(message);
    }
    return true;
  }
}

/**
 * The index behind a link, or one in memory where the link is null or cannot be followed. To be called on the
 * serving thread, before it begins to serve.
 */
export async function openIndex(link: IndexLink | null, log: Logger): Promise<ListingIndex> {
  if (link === null) return memoryIndex();
  const { port, location, identity } = link;
  const tally = new Tally(link.tally);
  tally.attach();
  try {
    return new LevelIndex(await attach(location), port, tally, checksumSeed(identity), log);
  } catch (error) {
    log.warn(`the index is kept in memory only: ${messageOf(error)}`);
    port.close();
    return memoryIndex();
  }
}
