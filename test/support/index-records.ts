/** Records for tests of the index: the same number always makes the same record. */
import { type ByteString, bytesFromText } from '../../lib/base/bytes';
import type { ListingRecord } from '../../lib/index/index-store';
import type { Fingerprint, Listing } from '../../lib/index/listing';

const LONG_AGO = 1_700_000_000;
/** How many different records tests put at most. */
export const RECORDS = 1200;

export function fingerprint(layer: number, ino: number): Fingerprint {
  return { layer, devMajor: 8, devMinor: 1, ino, ctimeSec: LONG_AGO, ctimeNs: 123_456_789 };
}

export function pathNumber(number: number): ByteString {
  return bytesFromText(`usr/share/directory-${number}`);
}

export function recordNumber(number: number): ListingRecord {
  const listing: Listing = new Map();
  for (let i = 0; i <= number % 40; i++) {
    const layers = i % 7 === 0 ? [1, 3, 3 + i] : [1 + (i % 5)];
    listing.set(bytesFromText(`name-${number}-${i}`), {
      layers,
      dirType: 4 + (i % 2) * 4,
      ino: number * 64 + i,
    });
  }
  return { fingerprints: [fingerprint(1, number), fingerprint(3, number + 1)], listing };
}
