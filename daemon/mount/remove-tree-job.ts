/** The removal of trees that nobody waits for, in turns with whatever else this thread does. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Name } from '../../lib/base/bytes';
import { removingTree } from '../../lib/sys/remove-tree';

const TURN_MS = 2;

/** One tree at a time, so that any number of them needs a few descriptors. */
let last: Promise<void> = Promise.resolve();

/** Removes a name of a directory and all below it. What cannot be removed stays. */
export function removeTreeJob(dir: number, name: Name): Promise<void> {
  const removal = last.then(() => removeInTurns(dir, name));
  last = removal.catch(() => {});
  return removal;
}

async function removeInTurns(dir: number, name: Name): Promise<void> {
  const steps = removingTree(dir, name);
  let turnEnds = performance.now() + TURN_MS;
  while (steps.next().done !== true) {
    if (performance.now() < turnEnds) continue;
    await nextTurn();
    turnEnds = performance.now() + TURN_MS;
  }
}
