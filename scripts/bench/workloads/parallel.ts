/** Four processes at once on one mount, each with its own quarter of the work. */
import { join } from 'node:path';
import { type MakeFixture, writeList } from '../fixtures/fixtures';
import { type SmallFiles, smallFiles } from '../fixtures/small-files';
import type { Sizes } from '../sizes';
import { expectCount, expectSame, thousands, type Workload, workload } from './workload';

interface ParallelFiles extends SmallFiles {
  readonly created: string;
}

const parallelFiles: MakeFixture<ParallelFiles> = async (fixtures) => {
  const small = await fixtures.get(smallFiles);
  const created = Array.from({ length: fixtures.sizes.created }, (_, i) => `d${i % 4}/parallel-${i}`);
  return { ...small, created: writeList(join(small.root, 'parallel.list'), created) };
};

export const parallel = (sizes: Sizes): Workload[] => [
  workload({
    name: 'four-readers',
    fixture: parallelFiles,
    steps: [
      {
        row: `four processes: read ${thousands(sizes.files)} small files`,
        run: async ({ fixture, load, mnt }) =>
          expectSame(await load('cat', [fixture.present], { dir: mnt, processes: 4 }), fixture.content),
      },
    ],
  }),
  workload({
    name: 'four-creators',
    fixture: parallelFiles,
    steps: [
      {
        row: `four processes: create ${thousands(sizes.created)} files`,
        run: async ({ fixture, load, mnt }) => {
          const seen = await load('create', [fixture.created], { dir: mnt, processes: 4 });
          expectCount(await load('stat', [fixture.created], { dir: mnt }), sizes.created);
          return expectCount(seen, sizes.created);
        },
      },
    ],
  }),
];
