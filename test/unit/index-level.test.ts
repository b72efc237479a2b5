/** The index on disk, as long as nothing is wrong with the disk. */
import { closeSync, existsSync, mkdirSync, openSync, rmdirSync } from 'node:fs';
import { type ByteString, bytesFromText, bytesOf } from '../../lib/base/bytes';
import { createLogger } from '../../lib/base/log';
import { attach } from '../../lib/index/database';
import { type ListingIndex, type ListingRecord, MAX_NAMES } from '../../lib/index/index-store';
import { type IndexWriter, openIndexWriter } from '../../lib/index/index-writer';
import { dropIndex, statIndex } from '../../lib/index/inspect-index';
import { openIndex } from '../../lib/index/level-index';
import { areSettled } from '../../lib/index/settled';
import { fingerprint, pathNumber, RECORDS, recordNumber } from '../support/index-records';
import { runMount, Scratch } from '../support/index-runs';

const log = createLogger({ level: 'warn', file: null });
let scratch: Scratch;
beforeEach(() => {
  scratch = new Scratch();
});
afterEach(() => scratch.remove());

/** A mount's use of the index, both halves on this thread. */
async function mounted(
  folder: ByteString,
  identity: string,
  use: (index: ListingIndex, writer: IndexWriter) => void | Promise<void>,
): Promise<void> {
  const writer = await openIndexWriter(folder, identity, log);
  expect(writer.link).not.toBeNull();
  const index = await openIndex(writer.link, log);
  try {
    await use(index, writer);
  } finally {
    index.close();
    await writer.close();
  }
}

test('a second mount finds what the first one put, through a Worker that blocks', () => {
  const first = runMount(scratch, scratch.in('index'));
  expect(first).toEqual({ outcome: expect.objectContaining({ found: 0, wrong: 0 }), log: [] });
  const second = runMount(scratch, scratch.in('index'));
  expect(second).toEqual({ outcome: expect.objectContaining({ found: RECORDS, wrong: 0 }), log: [] });
  expect(second.outcome.counters).toMatchObject({ hits: RECORDS, misses: 0, puts: 0, damaged: 0 });
});

test('names and listings of one path do not meet; absent names are records too', async () => {
  const folder = bytesFromText(scratch.in('index'));
  const name = bytesOf(Buffer.from([0xff, 0x80, 0x41]));
  const path = bytesOf(Buffer.from([0xe9, 0x2f, 0xff]));
  const entry = { layers: [2], dirType: 8, ino: 2 ** 53 - 1 };
  const prints = [fingerprint(2, 5)];
  await mounted(folder, 'stack', (index) => {
    index.put(path, recordNumber(4));
    index.putName(path, name, { fingerprints: prints, entry });
    index.putName(path, bytesFromText('absent'), { fingerprints: prints, entry: null });
  });
  await mounted(folder, 'stack', (index) => {
    expect(index.get(path)).toEqual(recordNumber(4));
    expect(index.getName(path, name)).toEqual({ fingerprints: prints, entry });
    expect(index.getName(path, bytesFromText('absent'))).toEqual({ fingerprints: prints, entry: null });
    expect(index.getName(path, bytesFromText('unknown'))).toBeNull();
    expect(index.get(bytesFromText(''))).toBeNull();
  });
});

test('the folder may have any bytes in its path', async () => {
  const folder = bytesOf(Buffer.concat([Buffer.from(scratch.in('')), Buffer.from([0x2f, 0xff, 0xfe, 0x20])]));
  await mounted(folder, 'stack', (index) => void index.put(pathNumber(1), recordNumber(1)));
  await mounted(folder, 'stack', (index) => expect(index.get(pathNumber(1))).toEqual(recordNumber(1)));
});

test('a directory of 100,000 names survives the way through the writer, in parts', async () => {
  const folder = bytesFromText(scratch.in('index'));
  const fingerprints = [fingerprint(1, 1)];
  const parts: ListingRecord[] = [];
  for (let i = 0; i < 100_000; i++) {
    if (i % MAX_NAMES === 0) parts.push({ fingerprints, listing: new Map() });
    parts.at(-1)!.listing.set(bytesFromText(`name-${i}`), { layers: [1 + (i % 3)], dirType: 8, ino: i });
  }
  const head = { fingerprints, parts: parts.length };
  await mounted(folder, 'stack', (index) => {
    expect(parts.map((part, n) => index.putPart(pathNumber(1), n, part))).not.toContain(false);
    expect(index.put(pathNumber(1), head)).toBe(true);
  });
  await mounted(folder, 'stack', (index) => {
    expect(index.get(pathNumber(1))).toEqual(head);
    expect(parts.map((_part, n) => index.getPart(pathNumber(1), n))).toEqual(parts);
    expect(index.getPart(pathNumber(1), parts.length)).toBeNull();
  });
});

test('a listing that is too long for one record is refused', async () => {
  const listing: ListingRecord['listing'] = new Map();
  for (let i = 0; i <= MAX_NAMES; i++) {
    listing.set(bytesFromText(`name-${i}`), { layers: [1], dirType: 8, ino: i });
  }
  await mounted(bytesFromText(scratch.in('index')), 'stack', (index) => {
    expect(index.put(pathNumber(1), { fingerprints: [fingerprint(1, 1)], listing })).toBe(false);
    expect(index.get(pathNumber(1))).toBeNull();
  });
});

test('another stack finds nothing, and what was kept before it is gone', async () => {
  const folder = bytesFromText(scratch.in('index'));
  await mounted(folder, 'one', (index) => void index.put(pathNumber(1), recordNumber(1)));
  await mounted(folder, 'two', (index) => expect(index.get(pathNumber(1))).toBeNull());
  await mounted(folder, 'one', (index) => expect(index.get(pathNumber(1))).toBeNull());
});

test('records are written while the mount goes on, not only at its end', async () => {
  await mounted(bytesFromText(scratch.in('index')), 'stack', async (index) => {
    for (let number = 0; number < 200; number++) index.put(pathNumber(number), recordNumber(number));
    index.flush();
    while (index.counters().written !== 200) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(index.get(pathNumber(150))).toEqual(recordNumber(150));
  });
});

test('what waits for the writer is bounded', async () => {
  await mounted(bytesFromText(scratch.in('index')), 'stack', (index) => {
    const listing: ListingRecord['listing'] = new Map();
    for (let i = 0; i < 20_000; i++) {
      listing.set(bytesFromText('n'.repeat(200) + i), { layers: [1], dirType: 8, ino: i });
    }
    // The writer shares this thread, so that nothing is written before the test lets go of it.
    const record = { fingerprints: [fingerprint(1, 1)], listing };
    for (let number = 0; number < 20; number++) index.put(pathNumber(number), record);
    expect(index.counters()).toMatchObject({ puts: 20, dropped: expect.any(Number), written: 0 });
    expect(index.counters().dropped).toBeGreaterThan(8);
  });
});

test('a directory that changed a moment ago is not kept', async () => {
  const folder = bytesFromText(scratch.in('index'));
  // Later than now by more than the test may take: a moment ago is over when a busy machine comes to the put.
  const recent = { ...fingerprint(1, 1), ctimeSec: Math.floor(Date.now() / 1000) + 600, ctimeNs: 1 };
  await mounted(folder, 'stack', (index) => {
    index.put(pathNumber(1), { ...recordNumber(1), fingerprints: [fingerprint(2, 2), recent] });
    expect(index.counters()).toMatchObject({ puts: 1, unsettled: 1 });
  });
  await mounted(folder, 'stack', (index) => expect(index.get(pathNumber(1))).toBeNull());

  const print = { ...fingerprint(1, 1), ctimeSec: 1000, ctimeNs: 500_000_000 };
  expect(areSettled([print], 1_000_510)).toBe(false);
  expect(areSettled([print], 1_000_600)).toBe(true);
  expect(areSettled([{ ...print, ctimeNs: 0 }], 1_002_000)).toBe(false);
  expect(areSettled([{ ...print, ctimeNs: 0 }], 1_003_000)).toBe(true);
  expect(areSettled([{ ...print, ctimeSec: 2000 }], 1_003_000)).toBe(false);
});

test('a writer whose index nobody opened closes all the same', async () => {
  const folder = bytesFromText(scratch.in('index'));
  await (await openIndexWriter(folder, 'stack', log)).close();
  await mounted(folder, 'stack', () => {});
});

test('a closed index answers null and takes nothing', async () => {
  await mounted(bytesFromText(scratch.in('index')), 'stack', (index) => {
    index.close();
    index.put(pathNumber(1), recordNumber(1));
    expect(index.get(pathNumber(1))).toBeNull();
    expect(index.counters().puts).toBe(0);
  });
});

test('stat says what is kept and how the last mount fared; drop removes it', async () => {
  const folder = bytesFromText(scratch.in('index'));
  await mounted(folder, 'a stack', (index) => {
    for (let number = 0; number < 3; number++) index.put(pathNumber(number), recordNumber(number));
    index.putName(pathNumber(9), bytesFromText('x'), { fingerprints: [], entry: null });
  });
  await mounted(folder, 'a stack', (index) => {
    for (let number = 0; number < 4; number++) index.get(pathNumber(number));
  });
  const stat = await statIndex(folder);
  expect(stat).toMatchObject({ records: 4, listings: 3, listedNames: 6, names: 1, identity: 'a stack' });
  expect(stat.lastMount).toMatchObject({ hitRate: 0.75, counters: { hits: 3, misses: 1, puts: 0 } });
  expect(stat.bytes).toBeGreaterThan(100);

  dropIndex(folder);
  await expect(statIndex(folder)).rejects.toMatchObject({ code: 'index-missing' });
  expect(() => dropIndex(folder)).toThrow(expect.objectContaining({ code: 'index-missing' }));
});

test('stat and drop leave an index alone that a mount uses, and folders that hold none', async () => {
  const folder = bytesFromText(scratch.in('index'));
  await mounted(folder, 'stack', async (index) => {
    await expect(statIndex(folder)).rejects.toMatchObject({ code: 'index-in-use', exitCode: 5 });
    expect(() => dropIndex(folder)).toThrow(expect.objectContaining({ code: 'index-in-use' }));
    index.put(pathNumber(1), recordNumber(1));
  });
  await mounted(folder, 'stack', (index) => expect(index.get(pathNumber(1))).not.toBeNull());
  mkdirSync(scratch.in('other'));
  await expect(statIndex(bytesFromText(scratch.in('other')))).rejects.toMatchObject({
    code: 'index-missing',
  });
  await expect(statIndex(bytesFromText(scratch.in('none')))).rejects.toMatchObject({ code: 'index-missing' });
  expect(existsSync(scratch.in('none'))).toBe(false);
});

test('a database whose folder was removed is not opened, and not waited for', async () => {
  const folder = scratch.in('removed');
  mkdirSync(folder);
  const fd = openSync(folder, 'r');
  rmdirSync(folder);
  await expect(attach(`/proc/self/fd/${fd}/listings`)).rejects.toMatchObject({
    code: 'LEVEL_DATABASE_NOT_OPEN',
  });
  closeSync(fd);
});
