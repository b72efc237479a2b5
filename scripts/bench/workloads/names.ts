/** Names made, changed and removed; and the same for a whole tree that lies in lower layers. */
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type MakeFixture, writeList } from '../fixtures/fixtures';
import { archive, type SmallFiles, smallFiles } from '../fixtures/small-files';
import { run } from '../process';
import type { Sizes } from '../sizes';
import { expect, expectCount, thousands, type Workload, workload } from './workload';

interface NewNames extends SmallFiles {
  readonly created: string;
  readonly renamed: string;
}

const newNames: MakeFixture<NewNames> = async (fixtures) => {
  const small = await fixtures.get(smallFiles);
  const names = Array.from({ length: fixtures.sizes.created }, (_, i) => `d${i % 10}/new-${i}`);
  const renamed = names.map((name) => `${name}.renamed`);
  return {
    ...small,
    created: writeList(join(small.root, 'created.list'), names),
    renamed: writeList(join(small.root, 'renamed.list'), renamed),
  };
};

export const names = (sizes: Sizes): Workload[] => [
  workload({
    name: 'create-rename-delete',
    fixture: newNames,
    steps: [
      {
        row: `create ${thousands(sizes.created)} files`,
        goal: { faster: 3, atMost: 5 },
        run: async ({ fixture, load, mnt }) => {
          const seen = await load('create', [fixture.created], { dir: mnt });
          const back = await load('stat', [fixture.created], { dir: mnt });
          expect('bytes', back.bytes, seen.bytes);
          return expectCount(seen, sizes.created);
        },
      },
      {
        row: `rename ${thousands(sizes.created)} files`,
        goal: { faster: 3, atMost: 5 },
        run: async ({ fixture, load, mnt }) => {
          const seen = await load('rename', [fixture.created], { dir: mnt });
          await load('absent', [fixture.created], { dir: mnt });
          expectCount(await load('stat', [fixture.renamed], { dir: mnt }), sizes.created);
          return expectCount(seen, sizes.created);
        },
      },
      {
        row: `delete ${thousands(sizes.created)} files`,
        goal: { faster: 3, atMost: 5 },
        run: async ({ fixture, load, mnt }) => {
          const seen = await load('unlink', [fixture.renamed], { dir: mnt });
          await load('absent', [fixture.renamed], { dir: mnt });
          return expectCount(seen, sizes.created);
        },
      },
    ],
  }),
  workload({
    name: 'untar',
    fixture: archive,
    steps: [
      {
        row: `untar ${thousands(sizes.untarred)} files`,
        goal: { faster: 3, atMost: 5 },
        run: async ({ fixture, load, mnt, aside }) => {
          const to = join(mnt, 'unpacked');
          mkdirSync(to);
          const { ms } = await load('run', [join(aside, 'tar.out'), 'tar', '-xf', fixture.tar, '-C', to]);
          await run(['tar', '-df', fixture.tar, '-C', to]);
          expect('files', await countFiles(to), fixture.inside);
          return ms;
        },
      },
    ],
  }),
  workload({
    name: 'chmod-tree',
    fixture: smallFiles,
    steps: [
      {
        row: `\`chmod -R\` of a lower tree, ${thousands(sizes.files)} files`,
        run: async ({ fixture, load, mnt, aside }) => {
          const out = join(aside, 'chmod.out');
          const { ms } = await load('run', [out, 'chmod', '-R', 'u=rwX,go=X', '.'], { dir: mnt });
          expect('changed files', await countFiles(mnt, '-perm', '600'), fixture.files);
          return ms;
        },
      },
    ],
  }),
  workload({
    name: 'rm-tree',
    fixture: smallFiles,
    steps: [
      {
        row: `\`rm -rf\` of a lower tree, ${thousands(sizes.files)} files`,
        goal: { faster: 3, atMost: 3 },
        run: async ({ load, mnt, aside }) => {
          const paths = readdirSync(mnt).map((name) => join(mnt, name));
          const { ms } = await load('run', [join(aside, 'rm.out'), 'rm', '-rf', ...paths]);
          expect('entries left', readdirSync(mnt).length, 0);
          return ms;
        },
      },
    ],
  }),
];

async function countFiles(dir: string, ...test: string[]): Promise<number> {
  return (await run(['find', dir, '-type', 'f', ...test, '-printf', '.'])).length;
}
