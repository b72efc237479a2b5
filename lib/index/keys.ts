/**
 * The keys of the database:
 *
 *   byte 0   schema version; raised whenever the meaning of a key or a value changes
 *   byte 1   'd' a directory's listing   followed by its path; for a part of it also NUL, the part's number
 *            'n' a name in a directory   followed by the directory's path, NUL, the name
 *            'm' about the index itself  followed by a word
 *
 * Paths are relative to the root of the stack; they and names hold no NUL, so no two keys are the same.
 */
import type { ByteString, Name } from '../base/bytes';

export const SCHEMA = 3;

const PREFIX = String.fromCharCode(SCHEMA);
const LISTING_PREFIX = `${PREFIX}d`;
const NAME_PREFIX = `${PREFIX}n`;
/** Where the keys of records begin and end; what is about the index itself lies between the two kinds. */
export const KIND_OFFSET = 1;
export const LISTING_KIND = 'd'.charCodeAt(0);
export const NAME_KIND = 'n'.charCodeAt(0);

export function listingKey(path: ByteString): ByteString {
  return (LISTING_PREFIX + path) as ByteString;
}

/** The key of the n-th part of a listing that is too long for one record. */
export function partKey(path: ByteString, n: number): ByteString {
  return `${LISTING_PREFIX}${path}\0${n}` as ByteString;
}

export function isPartKey(key: Buffer): boolean {
  return key[KIND_OFFSET] === LISTING_KIND && key.includes(0, KIND_OFFSET + 1);
}

export function nameKey(path: ByteString, name: Name): ByteString {
  return `${NAME_PREFIX}${path}\0${name}` as ByteString;
}

/** The identity of the stack that every record belongs to. */
export const IDENTITY_KEY = Buffer.from(`${PREFIX}midentity`, 'latin1');
/** The counters of the latest mount, as JSON. */
export const LAST_MOUNT_KEY = Buffer.from(`${PREFIX}mlast-mount`, 'latin1');
