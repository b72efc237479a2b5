/**
 * Runs workloads on targets in interleaved rounds: in each round every target runs every workload once, and the
 * order of the targets turns by one from round to round, so that no target always runs after the same other.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Fixtures, SkipWorkload } from './fixtures/fixtures';
import type { Mounted } from './mount';
import { run } from './process';
import type { Row } from './report/report';
import type { Place, Stack, Target } from './targets';
import type { Run, Workload } from './workloads/workload';

export interface Measured {
  readonly rows: Row[];
  readonly skipped: string[];
  readonly failures: { row: string; target: string; why: string }[];
}

export interface Plan {
  readonly workloads: readonly Workload[];
  readonly targets: readonly Target[];
  readonly rounds: number;
  readonly fixtures: Fixtures;
  /** Before every mount: empty the page cache, so that "first" means from the disk. */
  readonly dropCaches: boolean;
  progress(line: string): void;
}

export async function measure(plan: Plan): Promise<Measured> {
  const rows = new Map<string, Row>();
  const failures: Measured['failures'] = [];
  const skipped = new Map<Workload, string>();
  const broken = new Set<string>();
  for (const { steps } of plan.workloads) {
    for (const { row, unit = 'ms', goal } of steps) rows.set(row, { row, unit, goal, samples: {} });
  }
  for (let round = 0; round < plan.rounds; round++) {
    for (const workload of plan.workloads) {
      for (const target of turned(plan.targets, round)) {
        const cell = `${workload.name} on ${target.name}`;
        const suits = workload.suits?.(target) ?? true;
        if (!suits || skipped.has(workload) || broken.has(cell)) continue;
        const done: string[] = [];
        try {
          await runOnce(plan, workload, target, (row, value) => {
            (rows.get(row)!.samples[target.name] ??= []).push(value);
            plan.progress(`round ${round + 1}/${plan.rounds}  ${target.name}  ${row}: ${value.toFixed(2)}`);
            done.push(row);
          });
        } catch (error) {
          const why = (error as Error).message;
          if (error instanceof SkipWorkload) {
            skipped.set(workload, `${workload.name}: ${why}`);
            continue;
          }
          broken.add(cell);
          const failed = workload.steps.find(({ row }) => !done.includes(row))?.row;
          failures.push({ row: failed ?? `${workload.name}, unmount`, target: target.name, why });
          plan.progress(`FAILED  ${cell}: ${why}`);
        }
      }
    }
  }
  const used = [...rows.values()].filter(({ samples }) => Object.keys(samples).length > 0);
  return { rows: used, skipped: [...skipped.values()], failures };
}

async function runOnce(
  plan: Plan,
  workload: Workload,
  target: Target,
  record: (row: string, value: number) => void,
): Promise<void> {
  const { fixtures } = plan;
  const stack = await fixtures.get(workload.fixture);
  const dir = fixtures.scratch.folder('cell');
  const place = makePlace(dir);
  let mount = await openFresh(plan, workload, target, stack, place);
  const context: Run = {
    target,
    fixture: stack,
    mnt: place.mnt,
    aside: join(dir, 'aside'),
    load: fixtures.load,
    sizes: fixtures.sizes,
    pid: () => mount.pid,
    readyMs: () => mount.readyMs,
    async remount() {
      await mount.close();
      if (target.kind !== 'plain') mount = await openFresh(plan, workload, target, stack, place);
    },
  };
  try {
    await workload.prepare?.(context);
    for (const step of workload.steps) record(step.row, await step.run(context));
  } catch (error) {
    const words = mount.lastWords();
    throw words ? new Error(`${(error as Error).message}; ${words}`) : error;
  } finally {
    await mount.close();
  }
  await run(['rm', '-rf', '--one-file-system', dir]);
}

export function makePlace(dir: string): Place {
  const place = { upper: join(dir, 'upper'), work: join(dir, 'work'), mnt: join(dir, 'mnt') };
  for (const path of [...Object.values(place), join(dir, 'aside')]) mkdirSync(path);
  return place;
}

async function openFresh(
  plan: Plan,
  workload: Workload,
  target: Target,
  stack: Stack,
  place: Place,
): Promise<Mounted> {
  const form = workload.form ?? 'serving';
  if (plan.dropCaches) {
    await run(['sync']);
    writeFileSync('/proc/sys/vm/drop_caches', '3');
  }
  return form === 'none' ? NO_MOUNT : target.open(stack, place, form);
}

const NO_MOUNT: Mounted = { readyMs: Number.NaN, pid: null, lastWords: () => '', close: async () => {} };

const turned = <T>(items: readonly T[], by: number): T[] =>
  items.map((_, i) => items[(i + by) % items.length]!);
