/**
 * The index when everything around it goes wrong. A mount then works, finds at worst nothing, never finds anything
 * wrong, and says so in at most one line. Each mount is a process of its own: LevelDB can end the one it is in.
 */
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { bytesFromText } from '../../lib/base/bytes';
import { createLogger } from '../../lib/base/log';
import { openIndexWriter } from '../../lib/index/index-writer';
import { openIndex } from '../../lib/index/level-index';
import { pathNumber, RECORDS, recordNumber } from '../support/index-records';
import { holdMount, kill, type Run, runMount, runMountAfter, Scratch } from '../support/index-runs';

let scratch: Scratch;
/** An index with all records: one that was closed, with tables, and one whose mount was killed, with a log. */
let closed: string;
let killed: string;

beforeAll(async () => {
  scratch = new Scratch();
  closed = scratch.in('closed');
  killed = scratch.in('killed');
  runMount(scratch, closed);
  runMount(scratch, closed);
  await kill(await holdMount(scratch, killed));
});
afterAll(() => scratch.remove());

/** A fresh copy of an index. */
function copyOf(index: string): string {
  const copy = scratch.in('copy');
  rmSync(copy, { recursive: true, force: true });
  cpSync(index, copy, { recursive: true, verbatimSymlinks: true });
  return copy;
}

function expectHarmless(run: Run): void {
  expect(run.outcome.wrong).toBe(0);
  expect(run.log.length).toBeLessThanOrEqual(1);
}

/** After any damage: a mount works, and the mount after it finds everything again. */
function expectHealing(folder: string): void {
  expectHarmless(runMount(scratch, folder));
  const healed = runMount(scratch, folder);
  expect(healed).toEqual({ outcome: expect.objectContaining({ wrong: 0 }), log: [] });
  if (healed.outcome.found < RECORDS) expect(runMount(scratch, folder).outcome.found).toBe(RECORDS);
}

test('a killed mount loses nothing that was written', () => {
  const run = runMount(scratch, copyOf(killed));
  expect(run).toEqual({ outcome: expect.objectContaining({ found: RECORDS, wrong: 0 }), log: [] });
});

test('mounts killed at any moment leave an index that works', async () => {
  const folder = scratch.in('kills');
  for (let round = 0; round < 6; round++) {
    const child = await holdMount(scratch, folder);
    await new Promise((resolve) => setTimeout(resolve, round * 7));
    await kill(child);
    for (const name of readdirSync(join(folder, 'listings'))) {
      if (round % 2 === 1 && name.endsWith('.log')) truncateSync(join(folder, 'listings', name), 100_000);
    }
  }
  expectHealing(folder);
});

test.each(['closed', 'killed'])('no damage to the files of a %s index is ever seen as a record', (which) => {
  const damage = fc.record({
    file: fc.nat(),
    kind: fc.constantFrom('flip', 'garbage', 'tail', 'cut', 'empty', 'grow', 'delete', 'folder'),
    place: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
    byte: fc.integer({ min: 1, max: 255 }),
  });
  fc.assert(
    fc.property(fc.array(damage, { minLength: 1, maxLength: 3 }), (damages) => {
      const folder = copyOf(which === 'closed' ? closed : killed);
      const database = join(folder, 'listings');
      for (const { file, kind, place, byte } of damages) {
        const names = readdirSync(database).filter((name) => !/^LO/.test(name));
        const path = join(database, names[file % names.length]!);
        let bytes: Buffer;
        try {
          bytes = readFileSync(path);
        } catch {
          continue;
        }
        const at = Math.floor(place * bytes.length);
        if (kind === 'flip') for (let i = at; i < bytes.length; i += 977) bytes[i]! ^= byte;
        if (kind === 'garbage') bytes.fill(`${byte}?`, at, Math.min(at + 4096, bytes.length));
        if (kind === 'tail') bytes.fill(byte, Math.max(0, bytes.length - 1 - (at % 400)));
        if (kind === 'cut') bytes = bytes.subarray(0, at);
        if (kind === 'empty') bytes = Buffer.alloc(0);
        if (kind === 'grow') bytes = Buffer.concat([bytes, Buffer.alloc(at + 1, byte)]);
        if (kind === 'delete' || kind === 'folder') rmSync(path);
        else writeFileSync(path, bytes);
        if (kind === 'folder') mkdirSync(path);
      }
      expectHealing(folder);
    }),
    { numRuns: 10 },
  );
});

/** What may lie where the database is expected. */
const STRANGE: Record<string, (folder: string, database: string) => void> = {
  'a file': (_, database) => {
    rmSync(database, { recursive: true });
    writeFileSync(database, 'not a database');
  },
  'a symlink': (folder, database) => {
    renameSync(database, join(folder, 'else'));
    symlinkSync('else', database);
  },
  empty: (_, database) => {
    rmSync(database, { recursive: true });
    mkdirSync(database);
  },
  'without its seal': (_, database) => rmSync(join(database, 'seal')),
  'half removed': (folder, database) => renameSync(database, join(folder, 'listings.old')),
};

test.each(Object.keys(STRANGE))('a database that is %s is made anew', (what) => {
  const folder = copyOf(closed);
  STRANGE[what]!(folder, join(folder, 'listings'));
  expectHealing(folder);
});

test('an index that another process holds is left alone', async () => {
  const folder = copyOf(closed);
  const holder = await holdMount(scratch, folder);
  try {
    const run = runMount(scratch, folder);
    expect(run.outcome).toMatchObject({ found: 0, wrong: 0 });
    expect(run.log).toEqual([expect.stringContaining('in-use')]);
  } finally {
    await kill(holder);
  }
  expect(runMount(scratch, folder).outcome.found).toBe(RECORDS);
});

test('an index on a read-only file system is left alone', () => {
  const folder = copyOf(closed);
  const readOnly = 'mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"';
  const run = runMountAfter(readOnly, scratch, folder);
  expect(run.outcome).toMatchObject({ found: 0, wrong: 0 });
  expect(run.log).toEqual([expect.stringContaining('not-writable')]);
  expect(runMount(scratch, folder).outcome.found).toBe(RECORDS);
});

test('a folder that cannot be made costs persistence only', () => {
  writeFileSync(scratch.in('file'), '');
  const run = runMount(scratch, join(scratch.in('file'), 'index'));
  expect(run.outcome).toMatchObject({ found: 0, wrong: 0 });
  expect(run.log).toEqual([expect.stringContaining('not-writable')]);
});

test.each(['4k', '16k', '100k', '300k'])('a disk of %s fills up without harm', (size) => {
  const run = runMountAfter(
    `mkdir -p "$1"; mount -t tmpfs -o mode=700,size=${size} index "$1"`,
    scratch,
    scratch.in('full'),
  );
  expect(run.outcome).toMatchObject({ found: 0, wrong: 0 });
  expect(run.log).toEqual([expect.stringMatching(/memory only|cannot be written/)]);
});

test('an index on a disk that is full already is left alone', () => {
  const folder = copyOf(closed);
  cpSync(folder, `${folder}.good`, { recursive: true });
  const fill = [
    'mount -t tmpfs -o mode=700,size=3m index "$1"',
    'cp -r "$1.good/." "$1"',
    'head -c 9m /dev/zero > "$1/fill" 2>/dev/null || :',
    'ls "$1/listings" > "$1.before"',
  ];
  const run = runMountAfter(fill.join('; '), scratch, folder);
  expect(readFileSync(`${folder}.before`, 'utf8')).toContain('seal');
  expect(run.outcome).toMatchObject({ found: 0, wrong: 0 });
  expect(run.log).toEqual([expect.stringContaining('not-writable')]);
});

test('removing the folder under a mount changes nothing for it', async () => {
  const folder = copyOf(closed);
  const logFile = scratch.in('removed.log');
  const log = createLogger({ level: 'warn', file: bytesFromText(logFile) });
  const writer = await openIndexWriter(bytesFromText(folder), 'stack', log);
  const index = await openIndex(writer.link, log);
  rmSync(folder, { recursive: true });
  for (let number = 0; number < RECORDS; number++) {
    const record = index.get(pathNumber(number));
    if (record !== null) expect(record).toEqual(recordNumber(number));
    index.put(pathNumber(number), recordNumber(number));
  }
  index.close();
  await writer.close();
  expect(readFileSync(logFile, 'utf8').trim().split('\n').length).toBe(1);
});
