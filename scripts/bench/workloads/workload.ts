/** What a workload is: a fixture, one fresh mount, and timed steps on it, each a row of the table. */
import type { MakeFixture } from '../fixtures/fixtures';
import type { Load, Loaded } from '../load';
import type { Sizes } from '../sizes';
import type { MountForm, Stack, Target } from '../targets';

/** What a row must reach: at least so many times faster than fuse-overlayfs, at most so many times overlayfs. */
export interface Goal {
  readonly faster?: number;
  readonly atMost?: number;
}

/** One mount of one target with a workload's fixture below it. */
export interface Run<F extends Stack = Stack> {
  readonly target: Target;
  readonly fixture: F;
  readonly mnt: string;
  /** A folder outside the mount for lists and outputs; gone after the run. */
  readonly aside: string;
  readonly load: Load;
  readonly sizes: Sizes;
  /** Of the serving process, or null. */
  pid(): number | null;
  readyMs(): number;
  /** Unmounts, and mounts again over the same upper and work directory. */
  remount(): Promise<void>;
}

export interface Step<F extends Stack = Stack> {
  readonly row: string;
  /** `ms` unless said otherwise. */
  readonly unit?: 'ms' | 'MiB' | '% CPU' | '×';
  readonly goal?: Goal;
  /** Returns the measured value; throws when the outcome is wrong. */
  run(run: Run<F>): Promise<number>;
}

export interface Workload<F extends Stack = Stack> {
  readonly name: string;
  readonly fixture: MakeFixture<F>;
  readonly steps: readonly Step<F>[];
  /** `serving` unless said otherwise; `none` where the work makes its own mounts. */
  readonly form?: MountForm | 'none';
  /** Whether it makes sense for a target; for all when absent. */
  suits?(target: Target): boolean;
  /** On the fresh mount, before the first step, not timed. */
  prepare?(run: Run<F>): Promise<void>;
}

/** Keeps a family's array typed by each workload's own fixture. */
export function workload<F extends Stack>(workload: Workload<F>): Workload {
  return workload;
}

export const thousands = (n: number): string => n.toLocaleString('en-US');

/** A fast wrong answer is no answer. */
export function expect(what: string, seen: unknown, wanted: unknown): void {
  if (seen !== wanted) throw new Error(`wrong outcome: ${what} is ${seen}, not ${wanted}`);
}

/** @param reference what the same loop yields on plain directories */
export function expectSame(seen: Loaded, reference: Loaded): number {
  for (const key of ['count', 'bytes', 'sum'] as const) expect(key, seen[key], reference[key]);
  return seen.ms;
}

export function expectCount(seen: Loaded, count: number): number {
  expect('count', seen.count, count);
  return seen.ms;
}
