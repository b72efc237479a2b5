/** The records of the index: what goes in comes out, and nothing else ever does. */
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { type ByteString, bytesFromText, bytesOf, type Name } from '../../lib/base/bytes';
import { ByteWriter } from '../../lib/index/byte-writer';
import { type ListingRecord, MAX_NAMES, type NameRecord } from '../../lib/index/index-store';
import { listingKey, nameKey } from '../../lib/index/keys';
import type { Fingerprint, ListedName, Listing } from '../../lib/index/listing';
import {
  checksumSeed,
  countNames,
  decodeListing,
  decodeListingOrHead,
  decodeName,
  encodeHead,
  encodeListing,
  encodeName,
  singleLayer,
} from '../../lib/index/records';
import { fingerprint, recordNumber } from '../support/index-records';

const SEED = checksumSeed('a stack');
const KEY = listingKey(bytesFromText('usr/bin'));

const anyU32 = fc.nat({ max: 0xffff_ffff });
const anyIno = fc.oneof(
  fc.nat(),
  fc.maxSafeNat(),
  fc.bigInt(0n, 2n ** 64n - 2049n).map((ino) => Number(ino)),
);
const anyName = fc
  .uint8Array({ minLength: 1, maxLength: 255, size: 'max' })
  .map((bytes) => bytesOf(Buffer.from(bytes)).replace(/[/\0]/g, '_') as Name)
  .filter((name) => name !== '.' && name !== '..');
const anyFingerprint: fc.Arbitrary<Fingerprint> = fc.record({
  layer: anyU32,
  devMajor: anyU32,
  devMinor: anyU32,
  ino: anyIno,
  ctimeSec: fc.maxSafeInteger(),
  ctimeNs: fc.nat({ max: 999_999_999 }),
});
const anyEntry: fc.Arbitrary<ListedName> = fc.record({
  layers: fc.array(fc.nat({ max: 600 }), { maxLength: 5 }),
  dirType: fc.nat({ max: 15 }),
  ino: anyIno,
});
const anyListing = fc
  .array(fc.tuple(anyName, anyEntry), { maxLength: 60 })
  .map((entries): Listing => new Map(entries));
const anyRecord: fc.Arbitrary<ListingRecord> = fc.record({
  fingerprints: fc.array(anyFingerprint, { maxLength: 4 }),
  listing: anyListing,
});
const anyNameRecord: fc.Arbitrary<NameRecord> = fc.record({
  fingerprints: fc.array(anyFingerprint, { maxLength: 4 }),
  entry: fc.option(anyEntry),
});

function encoded(record: ListingRecord, seed = SEED, key: ByteString = KEY): Buffer {
  const out = new ByteWriter(16);
  expect(encodeListing(out, seed, key, record)).toBe(true);
  return Buffer.from(out.bytes.subarray(0, out.length));
}

test('any listing comes back as it was', () => {
  fc.assert(
    fc.property(anyRecord, (record) => {
      const bytes = encoded(record);
      expect(decodeListing(bytes, SEED, KEY)).toEqual(record);
      expect(countNames(bytes)).toBe(record.listing.size);
    }),
    { numRuns: 300 },
  );
});

test('any name comes back as it was', () => {
  const key = nameKey(bytesFromText('usr/bin'), bytesFromText('true'));
  fc.assert(
    fc.property(anyNameRecord, (record) => {
      const out = new ByteWriter(16);
      expect(encodeName(out, SEED, key, record)).toBe(true);
      expect(decodeName(out.bytes.subarray(0, out.length), SEED, key)).toEqual(record);
    }),
    { numRuns: 300 },
  );
});

test('the order of names is kept', () => {
  const record = recordNumber(39);
  const names = [...record.listing.keys()].reverse();
  const reversed: Listing = new Map(names.map((name) => [name, record.listing.get(name)!]));
  const decoded = decodeListing(encoded({ ...record, listing: reversed }), SEED, KEY);
  expect([...decoded!.listing.keys()]).toEqual(names);
});

test('a changed, cut or longer record is never read', () => {
  const change = fc.oneof(
    fc.record({ kind: fc.constant('flip'), at: fc.nat(), value: fc.integer({ min: 1, max: 255 }) }),
    fc.record({ kind: fc.constant('cut'), at: fc.nat(), value: fc.constant(0) }),
    fc.record({ kind: fc.constant('append'), at: fc.nat({ max: 40 }), value: fc.nat({ max: 255 }) }),
  );
  fc.assert(
    fc.property(anyRecord, fc.array(change, { minLength: 1, maxLength: 3 }), (record, changes) => {
      const whole = encoded(record);
      let bytes = Buffer.from(whole);
      for (const { kind, at, value } of changes) {
        if (kind === 'cut') bytes = bytes.subarray(0, at % (bytes.length + 1));
        else if (kind === 'append') bytes = Buffer.concat([bytes, Buffer.alloc(at + 1, value)]);
        else if (bytes.length > 0) bytes[at % bytes.length]! ^= value;
      }
      fc.pre(!bytes.equals(whole));
      expect(decodeListing(bytes, SEED, KEY)).toBeNull();
      expect(decodeName(bytes, SEED, KEY)).toBeNull();
      expect(() => countNames(bytes)).not.toThrow();
    }),
    { numRuns: 500 },
  );
});

test('every single byte of a record is protected', () => {
  const whole = encoded(recordNumber(7));
  for (let at = 0; at < whole.length; at++) {
    const bytes = Buffer.from(whole);
    bytes[at]! ^= 0x10;
    expect(decodeListing(bytes, SEED, KEY)).toBeNull();
  }
});

test('bytes that are well summed but no record are refused without overrunning', () => {
  const key = Buffer.from(KEY, 'latin1');
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: 3 }), (body, prints) => {
      const bytes = Buffer.concat([Buffer.alloc(12), body]);
      bytes.writeUInt32LE(bytes.length, 4);
      bytes[8] = 1;
      bytes[9] = 1;
      bytes.writeUInt16LE(prints, 10);
      bytes.writeUInt32LE(crc32(bytes.subarray(4), crc32(key, SEED)), 0);
      const record = decodeListing(bytes, SEED, KEY);
      // Whatever is taken for a record is one: it can be encoded again.
      if (record !== null) expect(decodeListing(encoded(record), SEED, KEY)).toEqual(record);
    }),
    { numRuns: 2000 },
  );
});

test('a record is bound to its key and to its stack', () => {
  const bytes = encoded(recordNumber(1));
  expect(decodeListing(bytes, SEED, listingKey(bytesFromText('usr/sbin')))).toBeNull();
  expect(decodeListing(bytes, checksumSeed('another stack'), KEY)).toBeNull();
  expect(decodeListing(bytes, SEED, KEY)).not.toBeNull();
});

test('what the format cannot hold is refused and leaves no byte', () => {
  const name = bytesFromText('name');
  const prints = [fingerprint(1, 1)];
  const entry: ListedName = { layers: [1], dirType: 8, ino: 1 };
  const unfit: ListingRecord[] = [
    { fingerprints: prints, listing: new Map([['n'.repeat(256) as Name, entry]]) },
    { fingerprints: prints, listing: new Map([[name, { ...entry, ino: -1 }]]) },
    { fingerprints: prints, listing: new Map([[name, { ...entry, ino: 0.5 }]]) },
    { fingerprints: prints, listing: new Map([[name, { ...entry, ino: Number.NaN }]]) },
    { fingerprints: prints, listing: new Map([[name, { ...entry, dirType: 256 }]]) },
    { fingerprints: prints, listing: new Map([[name, { ...entry, layers: [1 << 20] }]]) },
    { fingerprints: [{ ...prints[0]!, devMinor: 2 ** 32 }], listing: new Map() },
    { fingerprints: new Array(70_000).fill(prints[0]), listing: new Map() },
  ];
  const out = new ByteWriter(16);
  out.reserve(3);
  out.length = 3;
  for (const record of unfit) {
    expect(encodeListing(out, SEED, KEY, record)).toBe(false);
    expect(out.length).toBe(3);
  }
});

test('the longest listing that is one record comes back, at less than 32 bytes a name', () => {
  const listing: Listing = new Map();
  for (let i = 0; i < MAX_NAMES; i++) {
    const layers = singleLayer(i % 200);
    listing.set(bytesFromText(`some-file-name-${i}.txt`), { layers, dirType: 8, ino: 2_000_000 + i * 3 });
  }
  const record: ListingRecord = { fingerprints: [fingerprint(1, 1)], listing };
  const bytes = encoded(record);
  expect(bytes.length).toBeLessThan(MAX_NAMES * 32);
  const decoded = decodeListing(bytes, SEED, KEY)!;
  expect(decoded.listing.size).toBe(MAX_NAMES);
  for (const [name, entry] of listing) expect(decoded.listing.get(name)).toEqual(entry);
});

test('names of one layer share their list of layers', () => {
  const one = decodeListing(encoded(recordNumber(3)), SEED, KEY)!;
  const layers = one.listing.get(bytesFromText('name-3-1'))!.layers;
  expect(layers).toBe(singleLayer(2));
});

test('the head of a listing in parts comes back, and only as what it is', () => {
  fc.assert(
    fc.property(
      fc.array(anyFingerprint, { maxLength: 4 }),
      fc.integer({ min: 1, max: 0xffff_ffff }),
      (prints, parts) => {
        const out = new ByteWriter(16);
        const head = { fingerprints: prints, parts };
        expect(encodeHead(out, SEED, KEY, head)).toBe(true);
        const bytes = Buffer.from(out.bytes.subarray(0, out.length));
        expect(decodeListingOrHead(bytes, SEED, KEY)).toEqual(head);
        expect(decodeListing(bytes, SEED, KEY)).toBeNull();
        for (let at = 0; at < bytes.length; at++) {
          const damaged = Buffer.from(bytes);
          damaged[at]! ^= 1;
          expect(decodeListingOrHead(damaged, SEED, KEY)).toBeNull();
          expect(decodeListingOrHead(bytes.subarray(0, at), SEED, KEY)).toBeNull();
        }
      },
    ),
    { numRuns: 50 },
  );
});
