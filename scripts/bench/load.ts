/** Runs load.c: compiled once per run into the scratch folder, one process per timed loop. */
import { join, resolve } from 'node:path';
import { run } from './process';

/** What one loop did. `sum` depends on the data and stays a string: it is a 64-bit number. */
export interface Loaded {
  readonly ms: number;
  readonly count: number;
  readonly bytes: number;
  readonly sum: string;
}

export interface LoadOptions {
  /** Paths of the loop are relative to this folder. */
  readonly dir?: string;
  readonly processes?: number;
  readonly count?: number;
  readonly bytes?: number;
  readonly env?: NodeJS.ProcessEnv;
}

export type Loop =
  | 'stat'
  | 'absent'
  | 'cat'
  | 'append'
  | 'create'
  | 'rename'
  | 'unlink'
  | 'seqread'
  | 'seqwrite'
  | 'randread'
  | 'randwrite'
  | 'appends'
  | 'fsyncs'
  | 'run';

export type Load = (loop: Loop, args: readonly string[], options?: LoadOptions) => Promise<Loaded>;

/** The checkout: this file runs from dist/scripts/bench. */
export const ROOT = resolve(__dirname, '../../..');

export async function compileLoad(dir: string): Promise<Load> {
  const program = join(dir, 'load');
  try {
    await run(['gcc', '-O2', '-Wall', '-o', program, join(ROOT, 'scripts/bench/load.c')]);
  } catch (error) {
    throw new Error(
      `the benchmark needs gcc for its load generator (apt-get install gcc libc6-dev): ${error}`,
    );
  }
  return async (loop, args, options = {}) => {
    const flags: string[] = [];
    const flag = (name: string, value?: string | number) =>
      value !== undefined && flags.push(name, `${value}`);
    flag('-C', options.dir);
    flag('-j', options.processes);
    flag('-n', options.count);
    flag('-s', options.bytes);
    const out = await run([program, ...flags, loop, ...args], { env: options.env });
    const [ms, count, bytes, sum] = out.trim().split(' ');
    return { ms: Number(ms), count: Number(count), bytes: Number(bytes), sum: sum! };
  };
}
