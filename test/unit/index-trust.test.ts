/**
 * The index and those who are not us. What others could have written is neither read nor followed, nothing outside the
 * folder is touched, and a line says why.
 */

import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, lstatSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { MAIN } from '../daemon/program';
import { runMount, Scratch } from '../support/index-runs';

const STRANGER = 1001;
let scratch: Scratch;
let good: string;

beforeAll(() => {
  scratch = new Scratch();
  good = scratch.in('good');
  runMount(scratch, good);
  runMount(scratch, good);
});
afterAll(() => scratch.remove());

function copy(): string {
  const folder = scratch.in('index');
  rmSync(folder, { recursive: true, force: true });
  cpSync(good, folder, { recursive: true, preserveTimestamps: true });
  chmodSync(folder, 0o700);
  return folder;
}

/** Names, types, modes, owners, contents. */
function fingerprint(folder: string): string {
  const script =
    'cd "$1" && find . -printf "%P %y %m %U %l\\n" | LC_ALL=C sort && find . -type f | sort | xargs md5sum';
  return execFileSync('sh', ['-c', script, 'sh', folder], { encoding: 'utf8' });
}

test('an index is closed to others', () => {
  const folder = scratch.in('closed');
  mkdirSync(folder, { mode: 0o755 });
  runMount(scratch, folder);
  expect(lstatSync(folder).mode & 0o777).toBe(0o700);
});

test.each<[string, (folder: string) => void, RegExp]>([
  ["somebody else's", (folder) => chownSync(folder, STRANGER, STRANGER), /not-private.*belongs to user 1001/],
  ['open to others', (folder) => chmodSync(folder, 0o777), /not-private.*written to by others \(mode 777\)/],
])('a folder that is %s is neither used nor changed', (_, spoil, message) => {
  const folder = copy();
  spoil(folder);
  const before = fingerprint(folder);
  const { outcome, log } = runMount(scratch, folder);
  expect(outcome).toMatchObject({ found: 0, wrong: 0 });
  expect(log).toEqual([expect.stringMatching(message)]);
  const drop = () => execFileSync(process.execPath, [MAIN, 'index', 'drop', folder], { stdio: 'pipe' });
  expect(drop).toThrow(/cannot be used/);
  expect(fingerprint(folder)).toBe(before);
});

test('a folder that is a symlink is not used', () => {
  const folder = copy();
  const before = fingerprint(folder);
  const link = scratch.in('link');
  symlinkSync(folder, link);
  for (const path of [link, `${link}/`]) {
    const { outcome, log } = runMount(scratch, path);
    expect(outcome).toMatchObject({ found: 0, wrong: 0 });
    expect(log).toEqual([expect.stringMatching(/memory only/)]);
  }
  expect(fingerprint(folder)).toBe(before);
});

const away = () => scratch.in('away');

test.each<[string, string, RegExp]>([
  ['is a symlink', 'mv listings ../away; ln -s ../away listings', /listings is no directory/],
  [
    'has a symlink',
    'mv listings/MANIFEST* ../away/m; ln -s ../../away/m listings/MANIFEST-000002',
    /is no regular/,
  ],
  [
    'has a symlink for a seal',
    'mv listings/seal ../away/s; ln -s ../../away/s listings/seal',
    /seal is no regular/,
  ],
  ['has a file with another name', 'ln listings/CURRENT ../away/current', /CURRENT has another name/],
  ["has a stranger's file", 'chown 1001 listings/CURRENT', /CURRENT belongs to user 1001/],
  ['has a file that others can write', 'chmod 666 listings/seal', /seal can be written to by others/],
])('a database that %s is made anew, and nothing else is touched', (_, spoil, message) => {
  const folder = copy();
  rmSync(away(), { recursive: true, force: true });
  mkdirSync(away());
  if (spoil.startsWith('mv listings ')) rmSync(away(), { recursive: true });
  execFileSync('sh', ['-ec', spoil], { cwd: folder });
  const before = fingerprint(away());
  const { outcome, log } = runMount(scratch, folder);
  expect(outcome).toMatchObject({ found: 0, wrong: 0 });
  expect(log).toEqual([expect.stringMatching(message)]);
  expect(fingerprint(away())).toBe(before);
});

test.each<[string, string, string | null]>([
  ["somebody else's", 'chown 1001 wk', 'the work directory belongs to user 1001'],
  ['writable by others', 'chmod 777 wk', 'the work directory can be written to by others'],
  ['ours', 'chmod 755 wk', null],
])('an index is kept in a work directory that is %s only where it is ours alone', (_, prepare, reason) => {
  const script = `
    rm -rf area && mkdir area && cd area && mkdir low up wk mnt && ${prepare}
    "$0" "$1" mount --log-file log -o lowerdir=low,upperdir=up,workdir=wk mnt && "$0" "$1" umount mnt
    grep -o 'kept in memory only: [^;"]*' log; ls wk; find wk/stratafs-index -perm /077 2>/dev/null; true`;
  const said = execFileSync('bash', ['-c', script, process.execPath, MAIN], {
    cwd: scratch.path,
    encoding: 'utf8',
  });
  expect(said).toBe(reason === null ? 'stratafs-index\nwork\n' : `kept in memory only: ${reason}\nwork\n`);
});
