/** The first write to a file that lies in a lower layer. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { bigFile } from '../fixtures/big-file';
import { copyUpFiles } from '../fixtures/small-files';
import type { Sizes } from '../sizes';
import { bigSize } from './reading';
import { expect, expectCount, thousands, type Workload, workload } from './workload';

export const copyUp = (sizes: Sizes): Workload[] => [
  workload({
    name: 'copy-up-small',
    fixture: copyUpFiles,
    steps: [
      {
        row: `copy-up of ${thousands(sizes.copiedUp)} small files`,
        goal: { faster: 2, atMost: 5 },
        run: async ({ fixture, load, mnt }) => {
          const seen = await load('append', [fixture.written], { dir: mnt });
          const all = await load('cat', [fixture.present], { dir: mnt });
          expect('bytes after', all.bytes, fixture.content.bytes + sizes.copiedUp);
          return expectCount(seen, sizes.copiedUp);
        },
      },
    ],
  }),
  workload({
    name: 'copy-up-big',
    fixture: bigFile,
    steps: [
      {
        row: `copy-up of one file of ${bigSize(sizes)}`,
        goal: { faster: 1, atMost: 1.1 },
        run: async ({ fixture, load, mnt }) => {
          const { ms } = await load('append', [fixture.list], { dir: mnt });
          const copy = await load('seqread', [join(mnt, fixture.name)]);
          expect('size of the copy', copy.bytes, sizes.bigBytes + 1);
          expect('content of the copy', copy.sum, fixture.content.sum);
          expect('size of the lower file', statSync(fixture.lowerPath).size, sizes.bigBytes);
          return ms;
        },
      },
    ],
  }),
];
