/**
 * The daemon is killed before each call with which it changes the upper or the work directory. Whatever the moment:
 * the kernel's overlayfs and the next stratafs mount read the same tree, in which all that had been answered is
 * there and the interrupted step is either done or not; the work directory is swept; the lower layer is untouched.
 *
 * Each death is a life of its own over one stack, in which every (case, call) has a directory of its own: the mount
 * that checks one death dies the next. By day it dies once after each call that makes, moves or removes a name;
 * STRATAFS_CRASH=all dies at every call of every case, in both I/O modes.
 */
import { cpus } from 'node:os';
import { join } from 'node:path';
import type { Outcome, Tree } from '../support/operations';
import { differences } from '../support/trees';
import { type Case, chosen, EVERYTHING } from './cases';
import { Scene } from './scene';
import { mismatch, relativeTo } from './states';
import { type Point, Strace } from './strace';
import { layersOf, stepsAt, type Watched, watchAll } from './watch';

const MODES = EVERYTHING ? ['passthrough', 'cached'] : ['passthrough'];
const LANES = Math.min(3, cpus().length);
const MINUTES = 60_000 * (EVERYTHING ? 60 : 10);

const NAMING = /^(mkdirat|mknodat|symlinkat|linkat|unlinkat|renameat2|openat)\(.* = \d+$/;

/** The calls to die at. */
function deadly(points: readonly Point[]): readonly Point[] {
  if (EVERYTHING) return points;
  return points.filter((_, at) => at === points.length - 1 || (at > 0 && NAMING.test(points[at - 1]!.shown)));
}

interface Death {
  readonly what: Case;
  readonly watched: Watched;
  readonly point: Point;
  readonly place: string;
}

/** Dies all the deaths, one after the other. What is wrong is told by the case's name. */
async function dieAll(
  options: readonly string[],
  deaths: readonly Death[],
  tell: (death: Death | null, lines: readonly string[]) => void,
): Promise<void> {
  const scene = new Scene(options);
  try {
    await scene.build(new Map(deaths.map(({ what, place }) => [place, layersOf(what)])));
    let last: { death: Death; tree: Tree } | null = null;
    for (const death of [...deaths, null]) {
      const daemon = await scene.mount();
      if (last !== null) {
        const label = `after dying at ${last.death.point.shown}, stratafs`;
        tell(last.death, differences(label, last.tree, await scene.view(last.death.place)));
        tell(
          last.death,
          scene.leftovers().map((name) => `${label}: left in the work directory: ${name}`),
        );
      }
      if (death === null) {
        await daemon.unmount();
        break;
      }
      const tree = await die(scene, death, tell);
      last = { death, tree };
    }
    tell(null, await scene.lowerChanges());
  } finally {
    await scene.close();
  }
}

async function die(
  scene: Scene,
  death: Death,
  tell: (death: Death, lines: readonly string[]) => void,
): Promise<Tree> {
  const { what, point, place, watched } = death;
  const daemon = scene.daemon!;
  const label = `dying at ${point.shown}`;
  const before = await scene.view(place);
  const strace = await Strace.strike(daemon.pid, join(scene.base, 'strike'), point, 'signal=KILL');
  const outcomes = await scene.actor.batch(stepsAt(what, place));
  const completed = outcomes.findIndex((outcome: Outcome) => outcome.errno !== undefined);
  if (completed < 0) {
    await strace.detach();
    if (!strace.struck) tell(death, [`${label}: it did not die`]);
    await daemon.die();
  } else {
    await daemon.bury();
    await strace.gone();
  }
  const done = completed < 0 ? outcomes.length : completed;
  const tree = await scene.kernelView(place);
  const allowed = watched.states.slice(done, done + 2);
  if (done === 0 && what.meanwhile !== undefined) allowed.push(what.meanwhile(allowed[0]!));
  tell(death, mismatch(`${label}, the kernel`, allowed, relativeTo(before, tree)));
  return tree;
}

describe.each(MODES)('killed at any moment (%s)', (mode) => {
  const options = [`io=${mode}`, 'fsync=always'];
  const problems = new Map<Case | null, string[]>();
  const deathsOf = new Map<Case, number>();

  beforeAll(async () => {
    const watched = await watchAll(options, chosen);
    const lanes: Death[][] = Array.from({ length: LANES }, () => []);
    let count = 0;
    for (const [what, seen] of watched) {
      const points = deadly(seen.points);
      deathsOf.set(what, points.length);
      for (const point of points) {
        lanes[count % LANES]!.push({ what, watched: seen, point, place: `${count++}` });
      }
    }
    const tell = (death: Death | null, lines: readonly string[]) => {
      const key = death?.what ?? null;
      problems.set(key, [...(problems.get(key) ?? []), ...lines]);
    };
    await Promise.all(lanes.map((deaths) => dieAll(options, deaths, tell)));
  }, MINUTES);

  test.each(chosen.map((what) => [what.name, what] as const))('%s', (_, what) => {
    expect(deathsOf.get(what)).toBeGreaterThan(0);
    expect(problems.get(what)).toEqual([]);
  });

  test('the lower layer is untouched', () => {
    expect(problems.get(null)).toEqual([]);
  });
});
