/** Runs a program's phases on one target and tells all that can be told of it. */

import type { Tree } from '../support/operations';
import { Stack } from '../support/stack';
import type { Target } from '../support/targets';
import type { Program } from './programs';

export interface Told {
  /** What each phase printed. */
  readonly output: string[];
  /** The mount's tree after the last phase. */
  readonly tree: Tree;
}

export async function runProgram(program: Program, target: Target): Promise<Told> {
  const stack = await Stack.open(target, { lowers: program.lowers });
  try {
    const output: string[] = [];
    for (const phase of program.phases) {
      if (output.length > 0) await stack.remount();
      const { status, out, err } = await stack.fs.run(
        ['sh', '-ec', phase],
        stack.mountpoint,
        environment(stack),
      );
      if (status !== 0)
        throw new Error(`${program.name}, on ${target.name}: exit ${status}\n${phase}\n${out}\n${err}`);
      output.push(`${out}${err}`.replaceAll(stack.mountpoint, 'MOUNT'));
    }
    await stack.remount();
    return { output, tree: comparable(await stack.fs.snapshot('.', ['mtime']), program.volatileFiles) };
  } finally {
    await stack.close();
  }
}

function environment(stack: Stack): Record<string, string> {
  const git = { NAME: 'A', EMAIL: 'a@example.org', DATE: '2020-01-01T00:00:00Z' };
  const people = ['AUTHOR', 'COMMITTER'].flatMap((role) =>
    Object.entries(git).map(([key, value]) => [`GIT_${role}_${key}`, value]),
  );
  return {
    HOME: `${stack.mountpoint}/home`,
    LC_ALL: 'C',
    TZ: 'UTC',
    GIT_CONFIG_NOSYSTEM: '1',
    ...Object.fromEntries(people),
  };
}

function comparable(tree: Tree, volatileFiles?: RegExp): Tree {
  return Object.fromEntries(Object.entries(tree).filter(([path]) => !volatileFiles?.test(path)));
}
