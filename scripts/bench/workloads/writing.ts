/** File data written to new files: in one go, here and there, in small pieces, and with fsync after each. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { emptyStack } from '../fixtures/big-file';
import type { Sizes } from '../sizes';
import { bigSize } from './reading';
import { expect, thousands, type Workload, workload } from './workload';

export const writing = (sizes: Sizes): Workload[] => [
  workload({
    name: 'big-write',
    fixture: emptyStack,
    steps: [
      {
        row: `write ${bigSize(sizes)}`,
        goal: { faster: 3, atMost: 1.2 },
        run: async ({ load, mnt }) => {
          const file = join(mnt, 'new.bin');
          const { ms, sum } = await load('seqwrite', [file], { bytes: sizes.bigBytes });
          const back = await load('seqread', [file]);
          expect('size', back.bytes, sizes.bigBytes);
          expect('content read back', back.sum, sum);
          return ms;
        },
      },
    ],
  }),
  workload({
    name: 'random-write',
    fixture: emptyStack,
    prepare: async ({ load, mnt }) => {
      await load('seqwrite', [join(mnt, 'new.bin')], { bytes: sizes.bigBytes });
    },
    steps: [
      {
        row: `random 4 KiB writes, ${thousands(sizes.randomBlocks)}`,
        goal: { faster: 3, atMost: 1.2 },
        run: async ({ load, mnt }) => {
          const file = join(mnt, 'new.bin');
          const options = { bytes: sizes.bigBytes, count: sizes.randomBlocks };
          const { ms, sum } = await load('randwrite', [file], options);
          expect('blocks read back', (await load('randread', [file], options)).sum, sum);
          return ms;
        },
      },
    ],
  }),
  smallWrites('appends', 'appends', `appends of 100 bytes, ${thousands(sizes.appends)}`, sizes.appends, 100),
  smallWrites('fsyncs', 'fsyncs', `4 KiB write + fsync, ${thousands(sizes.fsyncs)}`, sizes.fsyncs, 4096),
];

function smallWrites(name: string, loop: 'appends' | 'fsyncs', row: string, count: number, bytes: number) {
  return workload({
    name,
    fixture: emptyStack,
    steps: [
      {
        row,
        goal: { faster: 3, atMost: 1.2 },
        run: async ({ load, mnt }) => {
          const file = join(mnt, 'log.txt');
          const { ms } = await load(loop, [file], { count, bytes });
          expect('size', statSync(file).size, count * bytes);
          return ms;
        },
      },
    ],
  });
}
