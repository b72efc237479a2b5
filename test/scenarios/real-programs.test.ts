/** Real programs do and print the same on stratafs as on the kernel's overlayfs. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { shownTree } from '../support/shown-times';
import { cached, fuseNative, kernel, passthrough, type Target } from '../support/targets';
import { differences, timelessTree } from '../support/trees';
import { debianPackages, type Program, programs } from './programs';
import { runProgram, type Told } from './run-program';

const PACKAGES = ['hello', 'figlet', 'ncurses-term'];
const SECONDS = 300_000;

/** What the kernel's overlayfs tells of a program: asked once. */
const oracles = new Map<string, Promise<Told>>();

function oracleOf(program: Program): Promise<Told> {
  const key = JSON.stringify(program);
  const known = oracles.get(key) ?? runProgram(program, kernel);
  oracles.set(key, known);
  return known;
}

function compareOn(programFor: (target: Target) => Program | null): void {
  test.each([passthrough, cached, fuseNative])(
    'the same on $name as on the kernel’s overlayfs',
    async (target) => {
      const program = programFor(target);
      if (!program) return;
      const oracle = await oracleOf(program);
      const told = await runProgram(program, target);
      expect(told.output).toEqual(oracle.output);
      const expected = timelessTree(shownTree(target, oracle.tree));
      expect(differences(program.name, expected, timelessTree(told.tree))).toEqual([]);
    },
    SECONDS,
  );
}

describe.each(programs(true).map(({ name }, at) => ({ name, at })))('$name', ({ at }) => {
  compareOn(({ traits }) => programs(traits.supports.posixAcls)[at]!);
});

describe('dpkg --root', () => {
  const directory = mkdtempSync(join(tmpdir(), 'stratafs-packages-'));
  let downloaded = false;

  beforeAll(() => {
    mkdirSync(join(directory, 'partial'));
    try {
      const options = { cwd: directory, stdio: 'pipe', timeout: 90_000 } as const;
      execFileSync('apt-get', ['download', '-o', 'APT::Sandbox::User=root', ...PACKAGES], options);
      downloaded = true;
    } catch (error) {
      console.warn(`dpkg --root is not tested: no package mirror (${String(error)})`);
    }
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  compareOn(() => (downloaded ? debianPackages(directory) : null));
});
