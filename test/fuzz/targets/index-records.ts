/** Records and seals of an index that somebody else wrote. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { bytesFromText } from '../../../lib/base/bytes';
import { ByteWriter } from '../../../lib/index/byte-writer';
import { listingKey, nameKey } from '../../../lib/index/keys';
import {
  checksumSeed,
  countNames,
  decodeListing,
  decodeName,
  encodeListing,
  encodeName,
} from '../../../lib/index/records';
import { Seal } from '../../../lib/index/seal';
import { recordNumber } from '../../support/index-records';
import { type FuzzTarget, must, pure } from '../target';

const SEED = checksumSeed('a stack');
const KEY = listingKey(bytesFromText('usr/bin'));
const NAME_KEY = nameKey(bytesFromText('usr/bin'), bytesFromText('true'));
const MAX_GROWTH = 64;

function taken(encode: (out: ByteWriter) => boolean): Buffer {
  const out = new ByteWriter(16);
  must(encode(out), 'what was decoded cannot be encoded');
  return Buffer.from(out.bytes.subarray(0, out.length));
}

const listing = (number: number) => taken((out) => encodeListing(out, SEED, KEY, recordNumber(number)));
const name = taken((out) =>
  encodeName(out, SEED, NAME_KEY, { fingerprints: [], entry: { layers: [1, 2], dirType: 4, ino: 9 } }),
);

/** As whoever can write to the index does: the length and the checksum are right. */
function summed(input: Buffer, key: string): Buffer {
  if (input.length < 12) return input;
  const bytes = Buffer.from(input);
  bytes.writeUInt32LE(bytes.length, 4);
  bytes.writeUInt32LE(crc32(bytes.subarray(4), crc32(Buffer.from(key, 'latin1'), SEED)), 0);
  return bytes;
}

/** A varint that comes to NaN. */
const NO_NUMBER = Buffer.concat([Buffer.alloc(200, 0xff), Buffer.alloc(1)]);
const HEAD = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0]);

/** A listing of one name, with what may be forged in it. */
function forgedListing(parts: { layers?: Buffer; base?: number; name?: string }): Buffer {
  const { layers = Buffer.from([1, 1]), base = 5, name: word = 'n' } = parts;
  const ino = Buffer.alloc(8);
  ino.writeDoubleLE(base);
  const names = Buffer.from([word.length, ...Buffer.from(word)]);
  return Buffer.concat([
    HEAD,
    Buffer.from([1, 8]),
    layers,
    Buffer.from([1]),
    ino,
    names,
    Buffer.from([0, 0]),
  ]);
}

const records = pure(
  'index-records',
  [listing(1), listing(39), name],
  (input) => {
    decodeListing(input, SEED, KEY);
    decodeName(input, SEED, NAME_KEY);
    must(countNames(input) >= 0, 'a negative number of names');
    const forged = summed(input, KEY);
    const decoded = decodeListing(forged, SEED, KEY);
    if (decoded !== null) {
      must(![...decoded.listing.keys()].some((each) => /^\.{0,2}$|\//.test(each)), 'a name that is none');
      must(decoded.listing.size <= forged.length * MAX_GROWTH, 'more names than bytes');
      const again = decodeListing(
        taken((out) => encodeListing(out, SEED, KEY, decoded)),
        SEED,
        KEY,
      );
      must(again?.listing.size === decoded.listing.size, 'it comes back different');
    }
    const forgedName = summed(input, NAME_KEY);
    const decodedName = decodeName(forgedName, SEED, NAME_KEY);
    if (decodedName !== null) taken((out) => encodeName(out, SEED, NAME_KEY, decodedName));
  },
  [
    forgedListing({ layers: NO_NUMBER }),
    forgedListing({ layers: Buffer.concat([Buffer.from([1]), NO_NUMBER]) }),
    forgedListing({ base: 65.25 }),
    forgedListing({ base: Number.NaN }),
    forgedListing({ base: -1 }),
    forgedListing({ name: '..' }),
    forgedListing({ name: '../x' }),
  ],
);

const seals: FuzzTarget = {
  name: 'index-seal',
  seeds: [
    Buffer.from(`000001.ldb 5 ${crc32('table')}\n`),
    Buffer.from(' 1:5[x\n 2:7[y'),
    Buffer.from('000002.sst 0 0\n'),
  ],
  regressions: [],
  open: () => {
    const folder = mkdtempSync(join(tmpdir(), 'stratafs-fuzz-'));
    const database = join(folder, 'listings');
    mkdirSync(database);
    return {
      check: (input) => {
        writeFileSync(join(database, '000001.ldb'), 'table');
        writeFileSync(join(database, 'seal'), input);
        const seal = new Seal(database);
        seal.check();
        seal.addInUse(input.toString('latin1'));
        const left = readdirSync(folder);
        must(left.length === 1, `made ${left}`);
        const names = readdirSync(database).filter((each) => each !== 'seal' && each !== '000001.ldb');
        must(names.length === 0, `made ${names}`);
      },
      close: () => rmSync(folder, { recursive: true }),
    };
  },
};

export const INDEX_TARGETS: readonly FuzzTarget[] = [records, seals];
