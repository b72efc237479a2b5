/**
 * How much an ordinary user can slow root down on the same mount: root's listing alone, then beside a user's loops
 * that list, look up absent names, open and read, and create and rename, as fast as they can.
 */
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type SmallFiles, smallFiles } from '../fixtures/small-files';
import { type Started, start } from '../process';
import type { Sizes } from '../sizes';
import { type Run, thousands, type Workload, workload } from './workload';

const USER = '65534';
const LISTINGS = 5;
/** A directory that the user may write to. */
const PUBLIC = 'public';

/** What the user runs, each in the mount, until it is killed. */
const LOOPS = [
  'while :; do find . >/dev/null; done',
  'i=0; while :; do i=$((i+1)); [ -e d$((i%200))/none-$i ]; done',
  'while :; do for f in d*/*; do read -r x <"$f"; done; done',
  `i=0; while :; do i=$((i+1)); : >${PUBLIC}/$((i%500)); done`,
];

async function listAll({ load, mnt, aside }: Run): Promise<number> {
  const { ms } = await load('run', [join(aside, 'ls.out'), 'ls', '-lR', '.'], { dir: mnt, count: LISTINGS });
  return ms / LISTINGS;
}

const beginLoop = (script: string, mnt: string): Started => {
  const as = ['setpriv', '--reuid', USER, '--regid', USER, '--clear-groups'];
  return start({ argv: [...as, 'sh', '-c', `${script} 2>/dev/null`], cwd: mnt }, true);
};

async function besideLoops(run: Run<SmallFiles>): Promise<number> {
  const loops = LOOPS.map((script) => beginLoop(script, run.mnt));
  try {
    const crowded = await listAll(run);
    const early = loops.find(({ child }) => child.exitCode !== null);
    if (early) throw new Error(`a loop of the user ended: ${early.output.err}`);
    return crowded;
  } finally {
    for (const { child } of loops) if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    await Promise.all(loops.map(({ ended }) => ended));
  }
}

export const crowd = (sizes: Sizes): Workload[] => {
  let alone = Number.NaN;
  let crowded = Number.NaN;
  return [
    workload({
      name: 'crowd',
      fixture: smallFiles,
      prepare: async (run) => {
        mkdirSync(join(run.mnt, PUBLIC));
        chmodSync(join(run.mnt, PUBLIC), 0o1777);
        await listAll(run);
      },
      steps: [
        {
          row: `root's \`ls -lR\`, ${thousands(sizes.files)} files, alone`,
          run: async (run) => {
            alone = await listAll(run);
            return alone;
          },
        },
        {
          row: "the same beside an ordinary user's four loops",
          run: async (run) => {
            crowded = await besideLoops(run);
            return crowded;
          },
        },
        { row: 'so many times slower', unit: '×', goal: { atMost: 2 }, run: async () => crowded / alone },
      ],
    }),
  ];
};
