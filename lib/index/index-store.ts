/** The contract of an index: what the union asks on the serving thread. */
import type { ByteString, Name } from '../base/bytes';
import type { Fingerprint, ListedName, Listing } from './listing';

/** A directory of the read-only part of a stack: what it holds, and how to tell that this is still so. */
export interface ListingRecord {
  fingerprints: readonly Fingerprint[];
  listing: Listing;
}

/** A directory whose listing is too long for one record (MAX_NAMES): that is kept in parts, each a record. */
export interface ListingHead {
  fingerprints: readonly Fingerprint[];
  /** How many there are, at least one. */
  parts: number;
}

/** The most names that one record holds, for it is encoded and decoded in one step. */
export const MAX_NAMES = 4096;

/** One name of a directory that is not listed as a whole; `entry` null says that the name is absent. */
export interface NameRecord {
  fingerprints: readonly Fingerprint[];
  entry: ListedName | null;
}

/**
 * Synchronous, and no method throws. An index is only ever a cache: any call may answer null, any record may be
 * dropped. A record that is put may not be readable before the next mount. The caller compares the fingerprints.
 */
export interface ListingIndex {
  /** The record of a directory, or null: absent, unreadable, or of another stack. */
  get(path: ByteString): ListingRecord | ListingHead | null;
  /**
   * Keeps a record; it is encoded now and written later, by another thread. False where it is not kept. The head of a
   * listing is put once all its parts are kept, which need not be of one time: each is compared by its fingerprints.
   */
  put(path: ByteString, record: ListingRecord | ListingHead): boolean;
  /** As `get` and `put`, for the n-th part of a listing. */
  getPart(path: ByteString, n: number): ListingRecord | null;
  putPart(path: ByteString, n: number, record: ListingRecord): boolean;
  /** As `get`, for a name in a directory that is too large to be listed for one lookup. */
  getName(path: ByteString, name: Name): NameRecord | null;
  putName(path: ByteString, name: Name, record: NameRecord): void;
  /** Hands over what is collected. For moments without work: everything is handed over by and by anyway. */
  flush(): void;
  counters(): Record<string, number>;
  /** Hands over what is collected and lets go of the store. Later calls answer null. */
  close(): void;
}
