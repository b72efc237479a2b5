/** File data read: many small files, one big one, from start to end and here and there. */
import { join } from 'node:path';
import { type BigFile, bigFile } from '../fixtures/big-file';
import { type SmallFiles, smallFiles } from '../fixtures/small-files';
import type { Sizes } from '../sizes';
import { expectSame, type Run, thousands, type Workload, workload } from './workload';

export const reading = (sizes: Sizes): Workload[] => [
  workload({
    name: 'small-files',
    fixture: smallFiles,
    steps: [
      {
        row: `open-read-close ${thousands(sizes.files)} small files, first`,
        goal: { faster: 1.5, atMost: 4 },
        run: readSmall,
      },
      {
        row: `open-read-close ${thousands(sizes.files)} small files, again`,
        goal: { faster: 2, atMost: 1.5 },
        run: readSmall,
      },
    ],
  }),
  workload({
    name: 'sequential-read',
    fixture: bigFile,
    steps: [
      { row: `read ${bigSize(sizes)}, first`, goal: { faster: 3, atMost: 1.2 }, run: readBig },
      { row: `read ${bigSize(sizes)}, again`, goal: { faster: 1, atMost: 1.2 }, run: readBig },
    ],
  }),
  workload({
    name: 'random-read',
    fixture: bigFile,
    steps: [
      {
        row: `random 4 KiB reads, ${thousands(sizes.randomBlocks)}`,
        goal: { atMost: 1.2 },
        run: async ({ fixture, load, mnt }) => {
          const options = { bytes: sizes.bigBytes, count: sizes.randomBlocks };
          return expectSame(await load('randread', [join(mnt, fixture.name)], options), fixture.blocks);
        },
      },
    ],
  }),
];

export const bigSize = (sizes: Sizes): string => `${thousands(sizes.bigBytes / 2 ** 20)} MiB`;

async function readSmall({ fixture, load, mnt }: Run<SmallFiles>): Promise<number> {
  return expectSame(await load('cat', [fixture.present], { dir: mnt }), fixture.content);
}

async function readBig({ fixture, load, mnt }: Run<BigFile>): Promise<number> {
  return expectSame(await load('seqread', [join(mnt, fixture.name)]), fixture.content);
}
