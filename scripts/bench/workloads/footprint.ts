/** What a mount costs while it does nothing, and after it has done much: memory, idle CPU, time to mount. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { emptyStack } from '../fixtures/big-file';
import { type ManyFiles, manyFiles, smallFiles } from '../fixtures/small-files';
import { sleep } from '../process';
import type { Sizes } from '../sizes';
import { expectCount, type Run, thousands, type Workload, workload } from './workload';

export const footprint = (sizes: Sizes): Workload[] => [
  workload({
    name: 'mount',
    fixture: smallFiles,
    suits: ({ kind }) => kind !== 'plain',
    form: 'returning',
    steps: [{ row: 'mount command to first answer', run: async (run) => run.readyMs() }],
  }),
  workload({
    name: 'idle-cpu',
    fixture: emptyStack,
    suits: ({ kind }) => kind === 'daemon',
    steps: [
      {
        row: `idle CPU over ${sizes.idleMs / 1000} s`,
        unit: '% CPU',
        run: async (run) => {
          readdirSync(run.mnt);
          await sleep(1_000);
          const before = cpuTicks(run.pid()!);
          await sleep(sizes.idleMs);
          return ((cpuTicks(run.pid()!) - before) * TICK_MS * 100) / sizes.idleMs;
        },
      },
    ],
  }),
  memory(sizes.lookedUp),
];

/** The daemon's memory after `files` lookups, and after the kernel has let them go. */
export function memory(files: number): Workload {
  return workload<ManyFiles>({
    name: `memory-${files}`,
    fixture: manyFiles(files),
    suits: ({ kind }) => kind === 'daemon',
    steps: [
      { row: `memory at rest (before ${thousands(files)} lookups)`, unit: 'MiB', run: residentMiB },
      {
        row: `memory after ${thousands(files)} lookups`,
        unit: 'MiB',
        run: async (run) => {
          expectCount(await run.load('stat', [run.fixture.present], { dir: run.mnt }), files);
          return residentMiB(run);
        },
      },
      {
        row: `memory after FORGET of ${thousands(files)}`,
        unit: 'MiB',
        run: async (run) => {
          writeFileSync('/proc/sys/vm/drop_caches', '2');
          await untilIdle(run.pid()!);
          return residentMiB(run);
        },
      },
    ],
  });
}

/** USER_HZ is 100 on every Linux architecture that Node runs on. */
const TICK_MS = 10;

const SETTLED_MS = 2_000;
const PATIENCE_MS = 120_000;

/** Waits until the daemon has worked off what the kernel sent it: a million FORGETs take a while. */
async function untilIdle(pid: number): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (let before = -1, now = cpuTicks(pid); now !== before; now = cpuTicks(pid)) {
    if (performance.now() > deadline) throw new Error(`still busy ${PATIENCE_MS / 1000} s after the FORGETs`);
    before = now;
    await sleep(SETTLED_MS);
  }
}

async function residentMiB({ pid }: Run): Promise<number> {
  const kibibytes = family(pid()!).map((id) => {
    const line = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${id}/status`, 'latin1'));
    return Number(line?.[1] ?? 0);
  });
  return kibibytes.reduce((sum, each) => sum + each, 0) / 1024;
}

function cpuTicks(pid: number): number {
  const ticks = family(pid).map((id) => {
    const fields = readFileSync(`/proc/${id}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
    return Number(fields[11]) + Number(fields[12]);
  });
  return ticks.reduce((sum, each) => sum + each, 0);
}

/** A process and all below it. */
function family(pid: number): number[] {
  const threads = readdirSync(`/proc/${pid}/task`);
  const children = threads.flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1').split(' ').filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(family)];
}
