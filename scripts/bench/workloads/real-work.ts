/** Programs people run, on layers like those they have. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { emptyStack } from '../fixtures/big-file';
import type { MakeFixture } from '../fixtures/fixtures';
import {
  cProject,
  gitTree,
  installedPackages,
  needs,
  npmCi,
  npmProject,
  pythonLibrary,
} from '../fixtures/projects';
import { run } from '../process';
import type { Sizes } from '../sizes';
import type { Stack } from '../targets';
import { expect, type Run, thousands, type Workload, workload } from './workload';

const MODULES =
  'asyncio, json, http.client, email.message, unittest, xml.dom.minidom, argparse, logging.config';

const sqliteStack: MakeFixture<Stack> = async (fixtures) => {
  await needs('sqlite3');
  return fixtures.get(emptyStack);
};

export const realWork = (sizes: Sizes): Workload[] => [
  workload({
    name: 'git-status',
    fixture: gitTree,
    steps: [
      { row: `\`git status\`, ${thousands(sizes.files)} files, first`, run: gitStatus },
      { row: `\`git status\`, ${thousands(sizes.files)} files, again`, run: gitStatus },
    ],
  }),
  workload({
    name: 'make',
    fixture: cProject,
    steps: [
      {
        row: `\`make -j2\`, ${thousands(sizes.objects)} C files`,
        run: async ({ fixture, load, mnt, aside }) => {
          const { ms } = await load('run', [join(aside, 'make.out'), 'make', '-j2'], { dir: mnt });
          expect('output of the program', await run([join(mnt, 'program')]), fixture.prints);
          return ms;
        },
      },
    ],
  }),
  workload({
    name: 'npm-ci',
    fixture: npmProject,
    steps: [
      {
        row: '`npm ci`, offline',
        run: async ({ fixture, load, mnt, aside }) => {
          const argv = npmCi(fixture.cache, '--offline');
          const { ms } = await load('run', [join(aside, 'npm.out'), ...argv], { dir: mnt });
          expect('installed packages', installedPackages(mnt), fixture.packages);
          return ms;
        },
      },
    ],
  }),
  workload({
    name: 'sqlite',
    fixture: sqliteStack,
    steps: [
      {
        row: `sqlite, ${thousands(sizes.commits)} transactions`,
        run: async ({ load, mnt, aside }) => {
          const db = join(mnt, 'bench.db');
          const insert = 'INSERT INTO t(v) VALUES (hex(randomblob(100)));\n';
          const script = `CREATE TABLE t(i INTEGER PRIMARY KEY, v);\n${insert.repeat(sizes.commits)}`;
          const { ms } = await load('run', [join(aside, 'sqlite.out'), 'sqlite3', db, script]);
          expect('rows', await run(['sqlite3', db, 'SELECT count(*) FROM t']), `${sizes.commits}\n`);
          return ms;
        },
      },
    ],
  }),
  workload({
    name: 'python-import',
    fixture: pythonLibrary,
    steps: [
      {
        row: `\`python3 -c "import …"\`, ${sizes.imports} times`,
        run: async ({ fixture, load, mnt, aside }) => {
          const out = join(aside, 'python.out');
          const env = { PYTHONPATH: mnt, PYTHONDONTWRITEBYTECODE: '1' };
          const argv = [fixture.python, '-c', `import ${MODULES}; print(asyncio.__file__)`];
          const { ms } = await load('run', [out, ...argv], { count: sizes.imports, env });
          expect('asyncio', readFileSync(out, 'utf8'), `${mnt}/asyncio/__init__.py\n`);
          return ms;
        },
      },
    ],
  }),
];

async function gitStatus({ load, mnt, aside }: Run): Promise<number> {
  const out = join(aside, 'git.out');
  const { ms } = await load('run', [out, 'git', 'status', '--porcelain'], { dir: mnt });
  expect('bytes of `git status --porcelain` on a clean tree', statSync(out).size, 0);
  return ms;
}
