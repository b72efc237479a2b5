/**
 * The same files over more and more lower layers, on a first mount and on a second one over the same work
 * directory (where an index may wait). Each operation has a mount of its own: none profits from another's caches.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deepFiles, type SmallFiles } from '../fixtures/small-files';
import type { Sizes } from '../sizes';
import { expect, expectCount, type Goal, type Run, type Step, type Workload, workload } from './workload';

const OPERATIONS: readonly { name: string; run(run: Run<SmallFiles>): Promise<number> }[] = [
  {
    name: 'find',
    async run({ fixture, load, mnt, aside }) {
      const out = join(aside, 'find.out');
      const { ms } = await load('run', [out, 'find', '.', '-type', 'f'], { dir: mnt });
      expect('files found', readFileSync(out, 'latin1').match(/\n/g)?.length, fixture.files);
      return ms;
    },
  },
  {
    name: 'stat by path',
    async run({ fixture, load, mnt }) {
      const seen = await load('stat', [fixture.present], { dir: mnt });
      expect('sum of sizes', seen.bytes, fixture.content.bytes);
      return expectCount(seen, fixture.files);
    },
  },
  {
    name: 'absent names',
    run: async ({ fixture, load, mnt }) =>
      expectCount(await load('absent', [fixture.absent], { dir: mnt }), fixture.files),
  },
];

const DEEP = 64;

export const deepRow = (layers: number, operation: string, mount: 'first' | 'second') =>
  `${layers} layer${layers > 1 ? 's' : ''}: ${operation}, ${mount} mount`;

export const deep = (sizes: Sizes): Workload[] =>
  sizes.depths.flatMap((layers) => {
    const fixture = deepFiles(layers);
    const mounts: readonly Step<SmallFiles>[] = [
      { row: deepRow(layers, 'ready', 'first'), run: async (run) => run.readyMs() },
      {
        row: deepRow(layers, 'ready', 'second'),
        run: async (run) => {
          await run.remount();
          return run.readyMs();
        },
      },
    ];
    return [
      workload<SmallFiles>({
        name: `deep-${layers}-ready`,
        fixture,
        suits: ({ kind }) => kind !== 'plain',
        steps: mounts,
      }),
      ...OPERATIONS.map(({ name, run }) =>
        workload<SmallFiles>({
          name: `deep-${layers}-${name.replaceAll(' ', '-')}`,
          fixture,
          steps: [
            { row: deepRow(layers, name, 'first'), run },
            {
              row: deepRow(layers, name, 'second'),
              goal: secondMountGoal(layers, name),
              run: async (again) => {
                await again.remount();
                return run(again);
              },
            },
          ],
        }),
      ),
    ];
  });

function secondMountGoal(layers: number, operation: string): Goal | undefined {
  if (layers < DEEP) return undefined;
  return operation === 'find' ? { faster: 10, atMost: 1 } : { faster: 10 };
}

/** One line per target and operation: what the deepest stack costs compared with the shallowest, once indexed. */
export function flatness(
  sizes: Sizes,
  targets: readonly string[],
  median: (row: string, target: string) => number | undefined,
): string[] {
  const ends = [sizes.depths[0]!, sizes.depths.at(-1)!];
  return targets.flatMap((target) =>
    OPERATIONS.flatMap(({ name }) => {
      const [least, most] = ends.map((layers) => median(deepRow(layers, name, 'second'), target));
      if (least === undefined || most === undefined) return [];
      return [`${target}, ${name}: ${ends[1]} layers cost ${(most / least).toFixed(2)}× of ${ends[0]}`];
    }),
  );
}
