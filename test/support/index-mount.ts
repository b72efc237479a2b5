/**
 * Uses indexes as mounts do, as a program: `node index-mount.js LOG IDENTITY end|hold FOLDER...`. For each folder
 * in turn the main thread opens the writer and starts a Worker, which asks for RECORDS records and puts those that
 * it did not find. A line of JSON (an Outcome) says what came of it. `hold` writes everything, says so, and then
 * waits to be killed.
 */
import { isDeepStrictEqual } from 'node:util';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { bytesFromText } from '../../lib/base/bytes';
import { createLogger } from '../../lib/base/log';
import type { ListingIndex } from '../../lib/index/index-store';
import { type IndexLink, openIndexWriter } from '../../lib/index/index-writer';
import { openIndex } from '../../lib/index/level-index';
import { pathNumber, RECORDS, recordNumber } from './index-records';

export interface Outcome {
  /** Records found as they were put. */
  found: number;
  /** Records found, and not as they were put. */
  wrong: number;
  counters: Record<string, number>;
}

function use(index: ListingIndex): Outcome {
  let found = 0;
  let wrong = 0;
  for (let number = 0; number < RECORDS; number++) {
    const expected = recordNumber(number);
    const record = index.get(pathNumber(number));
    if (record === null) index.put(pathNumber(number), expected);
    else if (isDeepStrictEqual(record, expected)) found++;
    else wrong++;
  }
  index.flush();
  return { found, wrong, counters: index.counters() };
}

function say(outcome: Outcome): void {
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
}

/** The serving thread. With `hold` it blocks, as one that waits in poll(2) does. */
async function onWorker(link: IndexLink | null, logFile: string, hold: boolean): Promise<void> {
  const index = await openIndex(link, createLogger({ level: 'warn', file: bytesFromText(logFile) }));
  const outcome = use(index);
  if (hold) {
    const pause = new Int32Array(new SharedArrayBuffer(4));
    const done = ({ puts, written = 0, lost = 0 }: Record<string, number>): boolean =>
      written + lost === puts;
    while (!done(index.counters())) Atomics.wait(pause, 0, 0, 5);
    say(outcome);
    setTimeout(() => {}, 600_000);
    return;
  }
  say(outcome);
  index.close();
}

async function onMain(): Promise<void> {
  const [logFile, identity, mode, ...folders] = process.argv.slice(2);
  const log = createLogger({ level: 'warn', file: bytesFromText(logFile!) });
  for (const folder of folders) {
    const writer = await openIndexWriter(bytesFromText(folder), identity!, log);
    const worker = new Worker(__filename, {
      workerData: { link: writer.link, logFile, hold: mode === 'hold' },
      transferList: writer.link === null ? [] : [writer.link.port],
    });
    await new Promise((resolve) => worker.on('exit', resolve));
    await writer.close();
  }
}

if (isMainThread) void onMain();
else void onWorker(workerData.link, workerData.logFile, workerData.hold);
