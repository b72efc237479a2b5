/** The longest that a neighbour on the same mount waits for one stat(2) while somebody works on a huge directory. */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type HugeDirectories, hugeDirectories } from '../fixtures/huge-directories';
import { run, start } from '../process';
import type { Sizes } from '../sizes';
import { expect, expectCount, type Run, thousands, type Workload, workload } from './workload';

const PERIOD_MS = 1;
const USUAL_MS = 100;

/** Asks for a name that nobody has asked for, which needs a message, every ms until the work has ended. */
async function worstWhile(mnt: string, work: Promise<unknown>): Promise<number> {
  let working = true;
  const ended = work.finally(() => {
    working = false;
  });
  let worst = 0;
  for (let i = 0; working; i++) {
    const before = performance.now();
    lstatSync(join(mnt, `other/absent-${process.pid}-${i}`), { throwIfNoEntry: false });
    worst = Math.max(worst, performance.now() - before);
    await sleep(PERIOD_MS);
  }
  await ended;
  return worst;
}

/** Once without work: what is compiled at first use is no stall. */
const settle = async ({ mnt }: Run): Promise<void> => {
  await worstWhile(mnt, sleep(USUAL_MS));
};

export const stalls = (sizes: Sizes): Workload[] => [
  workload<HugeDirectories>({
    name: 'stalls',
    fixture: hugeDirectories,
    prepare: settle,
    steps: [
      {
        row: `worst stall of a neighbour: first \`ls\` of ${thousands(sizes.hugeNames)} names`,
        run: async ({ mnt }) => {
          const listing = start({ argv: ['ls', '-f', join(mnt, 'huge')] });
          const worst = await worstWhile(mnt, listing.ended);
          expect('names', readdirSync(join(mnt, 'huge')).length, sizes.hugeNames);
          return worst;
        },
      },
      {
        row: `worst stall of a neighbour: rmdir over ${thousands(sizes.whiteouts)} whiteouts`,
        run: async ({ fixture, load, mnt }) => {
          expectCount(await load('unlink', [fixture.doomed], { dir: mnt }), sizes.whiteouts);
          const worst = await worstWhile(mnt, run(['rmdir', join(mnt, 'doomed')]));
          expect('directories left', readdirSync(mnt).sort().join(), 'huge,other');
          return worst;
        },
      },
    ],
  }),
];
