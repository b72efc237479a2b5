/** The index in memory: bounded, and what it finds is what was put. */
import { bytesFromText } from '../../lib/base/bytes';
import { memoryIndex } from '../../lib/index/memory-index';
import { fingerprint, pathNumber, recordNumber } from '../support/index-records';

test('finds what was put, under the path it was put', () => {
  const index = memoryIndex();
  const name = bytesFromText('name');
  index.put(pathNumber(1), recordNumber(1));
  index.putName(pathNumber(1), name, { fingerprints: [fingerprint(1, 9)], entry: null });
  expect(index.get(pathNumber(1))).toEqual(recordNumber(1));
  expect(index.getName(pathNumber(1), name)).toEqual({ fingerprints: [fingerprint(1, 9)], entry: null });
  expect(index.get(pathNumber(2))).toBeNull();
  expect(index.getName(pathNumber(2), name)).toBeNull();
  expect(index.counters()).toMatchObject({ hits: 2, misses: 2, puts: 2, records: 2 });
});

test('holds no more bytes than its limit, and drops what was not used for longest', () => {
  const limit = 20_000;
  const index = memoryIndex(limit);
  for (let number = 0; number < 200; number++) {
    index.put(pathNumber(number), recordNumber(number));
    expect(index.get(pathNumber(0))).not.toBeNull();
    expect(index.counters().bytes).toBeLessThanOrEqual(limit);
  }
  expect(index.get(pathNumber(1))).toBeNull();
  expect(index.get(pathNumber(199))).toEqual(recordNumber(199));
  expect(index.counters().records).toBeGreaterThan(10);
});

test('a record above the limit takes the place of nothing', () => {
  const index = memoryIndex(300);
  index.put(pathNumber(1), recordNumber(0));
  index.put(pathNumber(2), recordNumber(39));
  expect(index.get(pathNumber(1))).not.toBeNull();
  expect(index.get(pathNumber(2))).toBeNull();
});

test('is empty once closed', () => {
  const index = memoryIndex();
  index.put(pathNumber(1), recordNumber(1));
  index.close();
  expect(index.get(pathNumber(1))).toBeNull();
});
