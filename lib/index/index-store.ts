/** The contract of an index: what the union asks on the serving thread. */
import type { ByteString, Name } from '../base/bytes';
import type { Fingerprint, ListedName, Listing } from './listing';

/** A directory of the read-only part of a stack: what it holds, and how to tell that this is still so. */
export interface ListingRecord {
  fingerprints: readonly Fingerprint[];
  listing: Listing;
}

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
  get(path: ByteString): ListingRecord | null;
  /** Keeps a record; it is encoded now and written later, by another thread. */
  put(path: ByteString, record: ListingRecord): void;
  /** As `get`, for a name in a directory that is too large to be listed for one lookup. */
  getName(path: ByteString, name: Name): NameRecord | null;
  putName(path: ByteString, name: Name, record: NameRecord): void;
  /** Hands over what is collected. For moments without work: everything is handed over by and by anyway. */
  flush(): void;
  counters(): Record<string, number>;
  /** Hands over what is collected and lets go of the store. Later calls answer null. */
  close(): void;
}
