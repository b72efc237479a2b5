/**
 * What the index costs, in microseconds: `node dist/scripts/bench/index-costs.js [FOLDER]`. As in a mount, the
 * records are put and read on a Worker and written by the main thread.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { type ByteString, bytesFromText } from '../../lib/base/bytes';
import { createLogger } from '../../lib/base/log';
import type { ListingRecord } from '../../lib/index/index-store';
import { type IndexLink, openIndexWriter } from '../../lib/index/index-writer';
import { openIndex } from '../../lib/index/level-index';
import type { Listing } from '../../lib/index/listing';
import { singleLayer } from '../../lib/index/records';

/** Directories of this many names, and how many of them. */
const SIZES = [
  [4, 4000],
  [40, 2000],
  [400, 200],
  [4096, 50],
] as const;

function recordOf(names: number, salt: number): ListingRecord {
  const listing: Listing = new Map();
  for (let i = 0; i < names; i++) {
    const name = bytesFromText(`some-file-name-${salt}-${i}.txt`);
    listing.set(name, { layers: singleLayer(1 + (i % 64)), dirType: 8, ino: 2_000_000 + i * 3 });
  }
  const print = { devMajor: 8, devMinor: 1, ino: 77, ctimeSec: 1_700_000_000, ctimeNs: 5 };
  return { fingerprints: [1, 2, 3, 4].map((layer) => ({ layer, ...print })), listing };
}

function pathOf(names: number, i: number): ByteString {
  return bytesFromText(`usr/share/doc/package-${names}/directory-${i}`);
}

function report(what: string, started: number, calls: number): void {
  const each = ((performance.now() - started) * 1000) / calls;
  process.stdout.write(`${what.padEnd(44)} ${each.toFixed(2).padStart(10)} µs\n`);
}

const log = createLogger({ level: 'warn', file: null });

async function onWorker(link: IndexLink, round: number): Promise<void> {
  const index = await openIndex(link, log);
  for (const [names, count] of SIZES) {
    const record = recordOf(names, 0);
    let started = performance.now();
    if (round === 0) {
      for (let i = 0; i < count; i++) index.put(pathOf(names, i), record);
      index.flush();
      report(`put, ${names} names`, started, count);
    } else {
      for (let i = 0; i < count; i++) index.get(pathOf(names, i));
      report(`get, ${names} names`, started, count);
      started = performance.now();
      for (let i = 0; i < count; i++) index.get(pathOf(names, -1 - i));
      report(`get, absent`, started, count);
    }
  }
  process.stdout.write(`${JSON.stringify(index.counters())}\n`);
  index.close();
}

async function onMain(): Promise<void> {
  const folder = process.argv[2] ?? mkdtempSync(join(tmpdir(), 'index-costs-'));
  for (let round = 0; round < 2; round++) {
    const started = performance.now();
    const writer = await openIndexWriter(bytesFromText(folder), 'bench', log);
    report('open', started, 1);
    if (writer.link === null) throw new Error('no index');
    const worker = new Worker(__filename, {
      workerData: { link: writer.link, round },
      transferList: [writer.link.port],
    });
    await new Promise((resolve) => worker.on('exit', resolve));
    await writer.close();
  }
  if (process.argv[2] === undefined) rmSync(folder, { recursive: true });
}

if (isMainThread) void onMain();
else void onWorker(workerData.link, workerData.round);
