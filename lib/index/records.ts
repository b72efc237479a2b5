/**
 * The values of the database. Little-endian; a varint is seven bits a byte, lowest first.
 *
 *   record       0  u32  crc32 of: the stack's identity, the record's key, the bytes from 4 on
 *                4  u32  length of the record
 *                8  u8   format (2)
 *                9  u8   kind (1 a listing or a part of one, 2 a name, 3 the head of a listing in parts)
 *               10  u16  F, the number of fingerprints
 *               12  F fingerprints, then the body
 *   fingerprint  0  u32  layer           4  u32  devMajor        8  u32  devMinor       12  u32  ctimeNs
 *               16  f64  ino            24  f64  ctimeSec
 *   class           u8 dirType, varint n, n varint layers: what a name is and where it comes from
 *   listing body    varint C, C classes, varint N, f64 base,
 *                   N u8 lengths of names, the names' bytes, N times (varint class, varint ino - base)
 *   name body       u8 present; if 1: class, f64 ino
 *   head body       varint number of parts
 *
 * - The checksum binds a value to its key and to its stack: a value under another key, or of another stack, is
 *   as unreadable as a damaged one.
 * - The decoder answers null or exactly what was encoded. Behind the checksum it still cannot overrun: a read past
 *   the end yields `undefined`, which ends every varint, and the end is compared once.
 * - The encoder refuses (false) what the format cannot hold, so that a record never comes back different.
 */
import { crc32 } from 'node:zlib';
import { type ByteString, bufferOf, bytesOf, type Name } from '../base/bytes';
import { type ByteWriter, MAX_VARINT } from './byte-writer';
import { type ListingHead, type ListingRecord, MAX_NAMES, type NameRecord } from './index-store';
import type { Fingerprint, ListedName, Listing } from './listing';

const FORMAT = 2;
const KIND_LISTING = 1;
const KIND_NAME = 2;
const KIND_HEAD = 3;
const HEAD_BYTES = 12;
const FINGERPRINT_BYTES = 32;
const MAX_NAME_BYTES = 255;
const MAX_FINGERPRINTS = 0xffff;
const MAX_U32 = 0xffff_ffff;
const MAX_U64 = 2 ** 64;
/** Layers beyond this are refused; far more than any stack can hold. */
const MAX_LAYERS = 0x1_0000;
/** The largest record, in bytes. */
export const MAX_RECORD_BYTES = 32 << 20;

/** What the checksums of a stack's records begin with. */
export function checksumSeed(identity: string): number {
  return crc32(identity);
}

const single: (readonly [number])[] = [];

/** The list of one layer, always the same object for the same layer. Preconditions: 0 <= layer < 65536. */
export function singleLayer(layer: number): readonly number[] {
  while (single.length <= layer) single.push([single.length]);
  return single[layer]!;
}

/* Encoding */

/** Appends the head of a listing in parts. False, with nothing appended, where the format cannot hold it. */
export function encodeHead(out: ByteWriter, seed: number, key: ByteString, head: ListingHead): boolean {
  const start = out.length;
  if (isU32(head.parts) && putHead(out, KIND_HEAD, head.fingerprints)) {
    out.reserve(MAX_VARINT);
    out.putVarint(head.parts);
    if (putChecksum(out, start, seed, key)) return true;
  }
  out.length = start;
  return false;
}

/** Appends a listing's record. False, with nothing appended, where the format cannot hold it. */
export function encodeListing(
  out: ByteWriter,
  seed: number,
  key: ByteString,
  record: ListingRecord,
): boolean {
  const start = out.length;
  if (putHead(out, KIND_LISTING, record.fingerprints) && putListing(out, record.listing)) {
    if (putChecksum(out, start, seed, key)) return true;
  }
  out.length = start;
  return false;
}

/** Appends a name's record. False, with nothing appended, where the format cannot hold it. */
export function encodeName(out: ByteWriter, seed: number, key: ByteString, record: NameRecord): boolean {
  const start = out.length;
  if (putHead(out, KIND_NAME, record.fingerprints) && putEntry(out, record.entry)) {
    if (putChecksum(out, start, seed, key)) return true;
  }
  out.length = start;
  return false;
}

function putHead(out: ByteWriter, kind: number, fingerprints: readonly Fingerprint[]): boolean {
  if (fingerprints.length > MAX_FINGERPRINTS) return false;
  out.reserve(HEAD_BYTES + fingerprints.length * FINGERPRINT_BYTES);
  out.putU32(0);
  out.putU32(0);
  out.putU8(FORMAT);
  out.putU8(kind);
  out.putU16(fingerprints.length);
  for (const print of fingerprints) {
    if (!isU32(print.layer) || !isU32(print.devMajor) || !isU32(print.devMinor) || !isU32(print.ctimeNs)) {
      return false;
    }
    out.putU32(print.layer);
    out.putU32(print.devMajor);
    out.putU32(print.devMinor);
    out.putU32(print.ctimeNs);
    out.putF64(print.ino);
    out.putF64(print.ctimeSec);
  }
  return true;
}

function putChecksum(out: ByteWriter, start: number, seed: number, key: ByteString): boolean {
  const length = out.length - start;
  if (length > MAX_RECORD_BYTES) return false;
  out.setU32(start + 4, length);
  const body = out.bytes.subarray(start + 4, out.length);
  out.setU32(start, crc32(body, crc32(bufferOf(key), seed)));
  return true;
}

function isU32(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= MAX_U32;
}

function fits(entry: ListedName): boolean {
  if (!(entry.dirType >= 0 && entry.dirType <= 255 && Number.isInteger(entry.dirType))) return false;
  if (!isIno(entry.ino)) return false;
  for (const layer of entry.layers) {
    if (!(layer >= 0 && layer < MAX_LAYERS && Number.isInteger(layer))) return false;
  }
  return true;
}

function putClass(out: ByteWriter, entry: ListedName): void {
  out.reserve(1 + MAX_VARINT * (1 + entry.layers.length));
  out.putU8(entry.dirType);
  out.putVarint(entry.layers.length);
  for (const layer of entry.layers) out.putVarint(layer);
}

function putEntry(out: ByteWriter, entry: ListedName | null): boolean {
  out.reserve(1);
  out.putU8(entry === null ? 0 : 1);
  if (entry === null) return true;
  if (!fits(entry)) return false;
  putClass(out, entry);
  out.reserve(8);
  out.putF64(entry.ino);
  return true;
}

function putListing(out: ByteWriter, listing: Listing): boolean {
  const count = listing.size;
  if (count > MAX_NAMES) return false;
  const classOfName = new Uint32Array(count);
  const classes: ListedName[] = [];
  const known = new Map<string | number, number>();
  let nameBytes = 0;
  let base = Number.MAX_SAFE_INTEGER;
  let largest = 0;
  let i = 0;
  for (const [name, entry] of listing) {
    if (name.length > MAX_NAME_BYTES || !fits(entry)) return false;
    const { layers, dirType, ino } = entry;
    const word =
      layers.length === 1 ? layers[0]! * 256 + dirType : `${dirType}:${(layers as number[]).join()}`;
    let index = known.get(word);
    if (index === undefined) {
      index = classes.push(entry) - 1;
      known.set(word, index);
    }
    classOfName[i++] = index;
    nameBytes += name.length;
    if (ino < base) base = ino;
    if (ino > largest) largest = ino;
  }
  // Differences are exact below 2^53 only.
  if (largest > Number.MAX_SAFE_INTEGER || count === 0) base = 0;

  out.reserve(MAX_VARINT);
  out.putVarint(classes.length);
  for (const entry of classes) putClass(out, entry);
  out.reserve(MAX_VARINT + 8 + nameBytes + count * (1 + 2 * MAX_VARINT));
  out.putVarint(count);
  out.putF64(base);
  for (const name of listing.keys()) out.putU8(name.length);
  out.putBytes([...listing.keys()].join('') as ByteString);
  i = 0;
  for (const entry of listing.values()) {
    out.putVarint(classOfName[i++]!);
    out.putVarint(entry.ino - base);
  }
  return true;
}

/* Decoding */

/** Reads varints and classes; `at` beyond the end means that the bytes were too few. */
class Cursor {
  constructor(
    readonly bytes: Buffer,
    public at: number,
  ) {}

  u8(): number {
    return this.bytes[this.at++] ?? 0;
  }

  varint(): number {
    let byte = this.u8();
    if (byte < 0x80) return byte;
    let value = 0;
    let scale = 1;
    for (; byte >= 0x80; byte = this.u8()) {
      value += (byte & 0x7f) * scale;
      scale *= 0x80;
    }
    return value + byte * scale;
  }

  f64(): number {
    const at = this.at;
    this.at += 8;
    return this.at <= this.bytes.length ? this.bytes.readDoubleLE(at) : 0;
  }

  /** What a name is made of, or null where it cannot be. */
  class(): { dirType: number; layers: readonly number[] } | null {
    const dirType = this.u8();
    const count = this.varint();
    // Written so that NaN, which a varint of some hundred bytes can come to, is refused too.
    if (!(count <= this.bytes.length - this.at)) return null;
    const layers: number[] = [];
    for (let i = 0; i < count; i++) layers.push(this.varint());
    for (const layer of layers) if (!(layer < MAX_LAYERS)) return null;
    return { dirType, layers: count === 1 ? singleLayer(layers[0]!) : layers };
  }
}

/** The listing, or the head of one, that was encoded under this key, or null. */
export function decodeListingOrHead(
  bytes: Buffer,
  seed: number,
  key: ByteString,
): ListingRecord | ListingHead | null {
  if (bytes[9] !== KIND_HEAD) return decodeListing(bytes, seed, key);
  const cursor = openRecord(bytes, seed, key, KIND_HEAD);
  if (cursor === null) return null;
  const fingerprints = takeFingerprints(cursor);
  const parts = cursor.varint();
  return parts > 0 && cursor.at === bytes.length ? { fingerprints, parts } : null;
}

/** The listing that was encoded under this key, or null. */
export function decodeListing(bytes: Buffer, seed: number, key: ByteString): ListingRecord | null {
  const cursor = openRecord(bytes, seed, key, KIND_LISTING);
  if (cursor === null) return null;
  const fingerprints = takeFingerprints(cursor);
  const listing = takeListing(cursor);
  return listing !== null && cursor.at === bytes.length ? { fingerprints, listing } : null;
}

/** The name's answer that was encoded under this key, or null. */
export function decodeName(bytes: Buffer, seed: number, key: ByteString): NameRecord | null {
  const cursor = openRecord(bytes, seed, key, KIND_NAME);
  if (cursor === null) return null;
  const fingerprints = takeFingerprints(cursor);
  let entry: ListedName | null = null;
  if (cursor.u8() !== 0) {
    const made = cursor.class();
    if (made === null) return null;
    entry = { layers: made.layers, dirType: made.dirType, ino: cursor.f64() };
    if (!isIno(entry.ino)) return null;
  }
  return cursor.at === bytes.length ? { fingerprints, entry } : null;
}

/** How many names a listing's record holds; 0 for anything else. The checksum is not looked at. */
export function countNames(bytes: Buffer): number {
  if (bytes.length < HEAD_BYTES || bytes[8] !== FORMAT || bytes[9] !== KIND_LISTING) return 0;
  const cursor = new Cursor(bytes, HEAD_BYTES + bytes.readUInt16LE(10) * FINGERPRINT_BYTES);
  for (let classes = cursor.varint(); classes > 0 && cursor.at < bytes.length; classes--) cursor.class();
  return Math.min(cursor.varint(), bytes.length);
}

/** A cursor behind the head, or null where head or checksum are not those of a record of this kind and key. */
function openRecord(bytes: Buffer, seed: number, key: ByteString, kind: number): Cursor | null {
  if (bytes.length < HEAD_BYTES || bytes.readUInt32LE(4) !== bytes.length) return null;
  if (bytes[8] !== FORMAT || bytes[9] !== kind) return null;
  if (crc32(bytes.subarray(4), crc32(bufferOf(key), seed)) !== bytes.readUInt32LE(0)) return null;
  if (HEAD_BYTES + bytes.readUInt16LE(10) * FINGERPRINT_BYTES > bytes.length) return null;
  return new Cursor(bytes, HEAD_BYTES);
}

/** Preconditions: the cursor stands behind the head, and `openRecord` saw that all fingerprints are there. */
function takeFingerprints(cursor: Cursor): Fingerprint[] {
  const { bytes } = cursor;
  const fingerprints: Fingerprint[] = [];
  for (let left = bytes.readUInt16LE(10); left > 0; left--) {
    const { at } = cursor;
    fingerprints.push({
      layer: bytes.readUInt32LE(at),
      devMajor: bytes.readUInt32LE(at + 4),
      devMinor: bytes.readUInt32LE(at + 8),
      ctimeNs: bytes.readUInt32LE(at + 12),
      ino: bytes.readDoubleLE(at + 16),
      ctimeSec: bytes.readDoubleLE(at + 24),
    });
    cursor.at += FINGERPRINT_BYTES;
  }
  return fingerprints;
}

function takeListing(cursor: Cursor): Listing | null {
  const { bytes } = cursor;
  const classes: { dirType: number; layers: readonly number[] }[] = [];
  for (let left = cursor.varint(); left > 0; left--) {
    const made = cursor.class();
    if (made === null || cursor.at > bytes.length) return null;
    classes.push(made);
  }
  const count = cursor.varint();
  if (count > MAX_NAMES) return null;
  const base = cursor.f64();
  const lengthsAt = cursor.at;
  const namesAt = lengthsAt + count;
  if (namesAt > bytes.length) return null;
  let namesEnd = namesAt;
  for (let i = lengthsAt; i < namesAt; i++) namesEnd += bytes[i]!;
  // One conversion for all names: a substring costs a fraction of a call into native code.
  const names = bytesOf(bytes, namesAt, Math.min(namesEnd, bytes.length));

  const listing: Listing = new Map();
  let nameAt = 0;
  cursor.at = namesEnd;
  for (let i = 0; i < count; i++) {
    const nameEnd = nameAt + bytes[lengthsAt + i]!;
    const made = classes[cursor.varint()];
    if (made === undefined) return null;
    const ino = base + cursor.varint();
    if (!isIno(ino)) return null;
    listing.set(names.substring(nameAt, nameEnd) as Name, {
      layers: made.layers,
      dirType: made.dirType,
      ino,
    });
    nameAt = nameEnd;
  }
  const noNames = NO_NAMES.some((name) => listing.has(name)) || /[/\0]/.test(names);
  return listing.size === count && !noNames ? listing : null;
}

/** Only a forged record has them; no system call is to see them. */
const NO_NAMES = ['', '.', '..'] as Name[];

function isIno(ino: number): boolean {
  return ino >= 0 && ino < MAX_U64 && Number.isInteger(ino);
}
