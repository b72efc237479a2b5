/** Listing and looking up: what every program does before it reads anything. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type SmallFiles, smallFiles } from '../fixtures/small-files';
import type { Sizes } from '../sizes';
import { expect, expectCount, type Run, thousands, type Workload, workload } from './workload';

export const metadata = (sizes: Sizes): Workload[] => [
  workload({
    name: 'ls',
    fixture: smallFiles,
    steps: [
      { row: '`ls -lR`, first', goal: { faster: 4, atMost: 2 }, run: listAll },
      { row: '`ls -lR`, second', goal: { faster: 4, atMost: 1.2 }, run: listAll },
    ],
  }),
  workload({
    name: 'stat',
    fixture: smallFiles,
    steps: [
      {
        row: `stat by path, ${thousands(sizes.files)} files`,
        goal: { faster: 2, atMost: 4 },
        run: async ({ fixture, load, mnt }) => {
          const seen = await load('stat', [fixture.present], { dir: mnt });
          expect('sum of sizes', seen.bytes, fixture.content.bytes);
          return expectCount(seen, fixture.files);
        },
      },
    ],
  }),
  workload({
    name: 'absent',
    fixture: smallFiles,
    steps: [
      {
        row: `absent names, ${thousands(sizes.files)}`,
        goal: { faster: 2, atMost: 4 },
        run: async ({ fixture, load, mnt }) =>
          expectCount(await load('absent', [fixture.absent], { dir: mnt }), fixture.files),
      },
    ],
  }),
];

async function listAll({ fixture, load, mnt, aside }: Run<SmallFiles>): Promise<number> {
  const out = join(aside, 'ls.out');
  const { ms } = await load('run', [out, 'ls', '-lR', '.'], { dir: mnt, env: { LC_ALL: 'C' } });
  const files = readFileSync(out, 'latin1').match(/^-/gm);
  expect('files listed', files?.length, fixture.files);
  return ms;
}
