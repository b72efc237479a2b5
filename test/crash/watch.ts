/** Cases run unharmed: what they do, and what the tree is before and after each of their steps. */
import { join } from 'node:path';
import type { Operation, Tree } from '../support/operations';
import type { Case } from './cases';
import { Scene, type SceneLayers } from './scene';
import { relativeTo } from './states';
import { type Point, Strace } from './strace';

export interface Watched {
  readonly points: readonly Point[];
  /** Before the first step, and after each. */
  readonly states: readonly Tree[];
}

export const layersOf = ({ lower = {}, upper = {} }: Case): SceneLayers => ({ lower, upper });
export const stepsAt = (what: Case, place: string): Operation[] =>
  what.steps((name) => `mnt/${place}/${name}`);

async function statesOf(scene: Scene, what: Case, place: string): Promise<Tree[]> {
  const before = await scene.view(place);
  const states = [relativeTo(before, before)];
  for (const step of stepsAt(what, place)) {
    await scene.actor.all([step]);
    states.push(relativeTo(before, await scene.view(place)));
  }
  return states;
}

/** Its calls, with nothing between the steps: as when it dies. */
async function pointsOf(scene: Scene, what: Case, place: string): Promise<Point[]> {
  await scene.view(place);
  const strace = await Strace.watch(scene.daemon!.pid, join(scene.base, 'trace'));
  await scene.actor.all(stepsAt(what, place));
  await strace.detach();
  return strace.points();
}

/** Runs every case unharmed: its calls, its states, and that the kernel sees the last of them too. */
export async function watchAll(
  options: readonly string[],
  chosen: readonly Case[],
): Promise<Map<Case, Watched>> {
  const scene = new Scene(options);
  const watched = new Map<Case, Watched>();
  try {
    const twice = chosen.flatMap((what, at) =>
      [`${at}`, `traced-${at}`].map((place) => [place, layersOf(what)] as const),
    );
    await scene.build(new Map(twice));
    await scene.mount();
    for (const [at, what] of chosen.entries()) {
      watched.set(what, {
        states: await statesOf(scene, what, `${at}`),
        points: await pointsOf(scene, what, `traced-${at}`),
      });
    }
    const problems = await scene.judge();
    if (problems.length > 0) throw new Error(problems.join('\n'));
    return watched;
  } finally {
    await scene.close();
  }
}
