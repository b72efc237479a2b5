/**
 * A call of the daemon fails: the caller gets the errno, the step has not happened, nothing is left in the work
 * directory, the daemon lives, and keeps no descriptor. Once with EIO for each changing call of each case, once on
 * disks that are really full, or read-only.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Operation, Tree } from '../support/operations';
import { type Case, chosen, EVERYTHING } from './cases';
import { Scene, type SceneLayers } from './scene';
import { mismatch, relativeTo } from './states';
import { type Point, Strace } from './strace';
import { layersOf, stepsAt, type Watched, watchAll } from './watch';

const MINUTES = 60_000 * (EVERYTHING ? 60 : 10);
const OPTIONS = ['io=passthrough', 'fsync=always'];
/** Kept open by the daemon whatever happens: directories of the layers, the index's files. */
const SLACK = 24;

/** How far a case came, step by step, until one failed. */
interface Progress {
  readonly done: number;
  readonly errno: string;
}

async function advance(scene: Scene, steps: readonly Operation[], from = 0): Promise<Progress> {
  for (let at = from; at < steps.length; at++) {
    const [outcome] = await scene.actor.batch([steps[at]!]);
    if (outcome!.errno !== undefined) return { done: at, errno: outcome!.errno };
  }
  return { done: steps.length, errno: 'OK' };
}

/** What is wrong right after a case ended or failed: it must be in the state that it came to, or in the next `more`. */
async function faultsOf(
  scene: Scene,
  label: string,
  { states }: Watched,
  done: number,
  before: Tree,
  place: string,
  more = 0,
): Promise<string[]> {
  const tree = relativeTo(before, await scene.view(place));
  return [
    ...mismatch(label, states.slice(done, done + 1 + more), tree),
    ...(scene.daemon!.alive ? [] : [`${label}: the daemon died`]),
  ];
}

const left = (scene: Scene, label: string): string[] =>
  scene.leftovers().map((name) => `${label}: left in the work directory: ${name}`);

let watched: Map<Case, Watched>;
beforeAll(async () => {
  watched = await watchAll(OPTIONS, chosen);
}, MINUTES);

describe('each call fails once with EIO', () => {
  const problems = new Map<Case | null, string[]>();
  const leftBehind = new Set<string>();
  let descriptors: [before: number, after: number];

  beforeAll(async () => {
    const faults = [...watched].flatMap(([what, { points }]) => points.map((point) => ({ what, point })));
    const scene = new Scene(OPTIONS);
    try {
      await scene.build(new Map(faults.map(({ what }, at) => [`${at}`, layersOf(what)])));
      const daemon = await scene.mount();
      const before = daemon.descriptors;
      for (const [at, { what, point }] of faults.entries()) {
        const lines = await fail(scene, what, point, `${at}`);
        problems.set(what, [...(problems.get(what) ?? []), ...lines]);
      }
      descriptors = [before, await scene.descriptorsAtRest(before + SLACK)];
      problems.set(null, await scene.judge());
    } finally {
      await scene.close();
    }
  }, MINUTES);

  async function fail(scene: Scene, what: Case, point: Point, place: string): Promise<string[]> {
    const label = `EIO for ${point.shown}`;
    const before = await scene.view(place);
    const strace = await Strace.strike(scene.daemon!.pid, join(scene.base, 'strike'), point, 'error=EIO');
    const progress = await advance(scene, stepsAt(what, place));
    await strace.detach();
    // A file that is cut is copied up cut: when only the cut itself fails then, it has happened already.
    const more = point.call === 'ftruncate' ? 1 : 0;
    const lines = await faultsOf(scene, label, watched.get(what)!, progress.done, before, place, more);
    const known = leftBehind.size;
    for (const name of scene.leftovers()) leftBehind.add(name);
    // What could not be removed is swept by the next mount.
    if (leftBehind.size > known && point.call !== 'unlinkat')
      lines.push(`${label}: leaves something in the work directory`);
    if (!strace.struck) lines.push(`${label}: it did not happen`);
    if (!['OK', 'EIO'].includes(progress.errno)) lines.push(`${label}: the caller got ${progress.errno}`);
    return lines;
  }

  test.each(chosen.map((what) => [what.name, what] as const))('%s', (_, what) => {
    expect(watched.get(what)!.points.length).toBeGreaterThan(0);
    expect(problems.get(what)).toEqual([]);
  });

  test('the kernel sees the same, and the lower layer is untouched', () => {
    expect(problems.get(null)).toEqual([]);
  });

  test('no descriptor stays open', () => {
    const [before, after] = descriptors;
    expect(after).toBeLessThanOrEqual(before + SLACK);
  });
});

interface Shortage {
  readonly name: string;
  readonly errno: string;
  begin(scene: Scene): void;
  end(scene: Scene): void;
}

/** Waits until the daemon has closed what the kernel forgot: a file open for writing keeps the disk writable. */
const remount = (scene: Scene, options: string): void => {
  const command = `for i in $(seq 60); do mount -o remount,${options} "$0" && exit; sleep 0.05; done; exit 1`;
  execFileSync('sh', ['-c', command, scene.base], { stdio: 'ignore' });
};

/** A file system with so much left over. */
const full = (name: string, left: string): Shortage => ({
  name,
  errno: 'ENOSPC',
  begin: (scene) =>
    void execFileSync('sh', ['-c', `mkdir fill; ${FILL}; ${left}; true`, 'sh'], {
      cwd: scene.base,
      stdio: 'ignore',
    }),
  end: (scene) => void execFileSync('rm', ['-r', 'fill'], { cwd: scene.base }),
});
const FILL = 'i=0; while true >fill/$i; do i=$((i+1)); done';
const inodes = (count: number): string => `n=0; while [ $n -lt ${count} ]; do n=$((n+1)); rm fill/$n; done`;

const shortages: readonly Shortage[] = [
  ...[0, 1, 2, 3, 4].map((count) => full(`a full disk with ${count} files free`, inodes(count))),
  full('a disk with files free and no space', 'find fill -type f ! -name 0 -delete; cat /dev/zero >fill/0'),
  {
    name: 'a disk that has become read-only',
    errno: 'EROFS',
    begin: (scene) => remount(scene, 'ro'),
    end: (scene) => remount(scene, 'rw'),
  },
];

describe.each(shortages.map((shortage) => [shortage.name, shortage] as const))('%s', (_, shortage) => {
  test(
    'fails what needs it and no more; afterwards all goes on',
    async () => {
      const scene = new Scene([...OPTIONS, 'index=off'], 'size=64m,nr_inodes=2000,mode=755');
      const problems: string[] = [];
      let refused = 0;
      try {
        const places = new Map<string, SceneLayers>(chosen.map((what, at) => [`${at}`, layersOf(what)]));
        await scene.build(places);
        const daemon = await scene.mount();
        const descriptors = daemon.descriptors;
        const before = await Promise.all(chosen.map((_what, at) => scene.view(`${at}`)));
        await scene.forget();
        shortage.begin(scene);
        const reached: Progress[] = [];
        for (const [at, what] of chosen.entries()) {
          const progress = await advance(scene, stepsAt(what, `${at}`));
          reached.push(progress);
          if (progress.errno === shortage.errno) refused++;
          else if (progress.errno !== 'OK') problems.push(`${what.name}: the caller got ${progress.errno}`);
          problems.push(
            ...(await faultsOf(scene, what.name, watched.get(what)!, progress.done, before[at]!, `${at}`)),
          );
        }
        problems.push(...left(scene, 'meanwhile'));
        shortage.end(scene);
        for (const [at, what] of chosen.entries()) {
          const { done, errno } = reached[at]!;
          const steps = stepsAt(what, `${at}`);
          const progress = await advance(scene, steps, errno === 'OK' ? steps.length : done);
          if (progress.errno !== 'OK') problems.push(`${what.name}, afterwards: ${progress.errno}`);
          const label = `${what.name}, afterwards`;
          problems.push(
            ...(await faultsOf(scene, label, watched.get(what)!, progress.done, before[at]!, `${at}`)),
          );
        }
        problems.push(...left(scene, 'afterwards'));
        expect(await scene.descriptorsAtRest(descriptors + SLACK)).toBeLessThanOrEqual(descriptors + SLACK);
        problems.push(...(await scene.judge()));
      } finally {
        await scene.close();
      }
      expect(problems).toEqual([]);
      expect(refused).toBeGreaterThan(0);
    },
    MINUTES,
  );
});
