/** Who may keep a mount from an upper directory: other mounts, and no stranger. With it: what an unmount syncs. */
import { existsSync, readFileSync } from 'node:fs';
import { EXIT } from '../../lib/base/exit-codes';
import { endOf, Folder, MAIN, until } from './program';

const folder = new Folder();
const AS = (uid: number) => ['--reuid', `${uid}`, '--regid', `${uid}`, '--clear-groups'];

beforeEach(() => {
  folder.make('base', 'rw', 'wk', 'wk2', 'MNT', 'other');
  folder.script('chmod 755 .');
});

const stack = (work: string) => `lowerdir=base,upperdir=rw,workdir=${work}`;

/** Holds a lock on the upper directory; the process that took it is gone, so that it must be looked for. */
async function holdLock(uid: number): Promise<void> {
  const hold = 'exec 9<rw; flock -s 9; sleep 60 <&- >&- 2>&- & echo $! > locked; exit 0';
  folder.script('rm -f locked; chmod 777 .');
  folder.hold('setpriv', ...AS(uid), '--no-new-privs', 'bash', '-c', hold);
  await until(
    'locked',
    () => existsSync(folder.path('locked')) && readFileSync(folder.path('locked'), 'utf8') !== '',
  );
  folder.script('chmod 755 .');
}

afterEach(() => {
  folder.script('kill -KILL $(cat locked 2>/dev/null) 2>/dev/null; umount -l other 2>/dev/null');
});

test("a stranger's lock on the upper directory is named and does not count; our own mounts keep apart", async () => {
  await holdLock(1001);
  expect(folder.run('mount', '--log-file', 'log', '-o', stack('wk'), 'MNT')).toMatchObject({
    code: EXIT.OK,
    err: '',
  });
  expect(readFileSync(folder.path('log'), 'utf8')).toMatch(
    /rw is locked by sleep \(pid \d+\), who has no say/,
  );
  const second = folder.run('mount', '-o', stack('wk2'), 'other');
  expect(second).toMatchObject({
    code: EXIT.IN_USE,
    err: expect.stringMatching(/in use by a live mount.*\/MNT/s),
  });
  expect(folder.run('umount', 'MNT').code).toBe(EXIT.OK);
});

test("root's and the owner's locks count", async () => {
  folder.script('chown 1001 rw');
  await holdLock(1001);
  const refused = folder.run('mount', '-o', stack('wk'), 'MNT');
  expect(refused).toMatchObject({ code: EXIT.IN_USE, err: expect.stringMatching(/locked by sleep \(pid/) });
  expect(folder.script('find wk').out).toBe('wk\n');
});

test('what a live mount of overlayfs writes to is refused', () => {
  folder.script('mkdir ow && mount -t overlay o -o "lowerdir=base,upperdir=$PWD/rw,workdir=$PWD/ow" other');
  expect(folder.run('mount', '-o', stack('wk'), 'MNT')).toMatchObject({
    code: EXIT.IN_USE,
    err: expect.stringMatching(/upper directory .*rw is in use.*overlayfs on .*\/other writes to it/s),
  });
  folder.script('mkdir rw2');
  expect(folder.run('mount', '-o', 'lowerdir=base,upperdir=rw2,workdir=ow', 'MNT')).toMatchObject({
    code: EXIT.IN_USE,
    err: expect.stringMatching(/work directory .*ow is in use/),
  });
  folder.script('umount other');
  expect(folder.run('mount', '-o', stack('wk'), 'MNT').code).toBe(EXIT.OK);
});

test("a stranger who has the name of a user's runtime directory changes nothing", () => {
  const squatted = '/tmp/stratafs-1002';
  folder.script(`rm -rf ${squatted}; mkdir -m 700 ${squatted}; chown 1001 ${squatted}; chown -R 1002 .`);
  const { code, out } = folder.script(`
    export HOME="$PWD" XDG_RUNTIME_DIR= MAIN="${MAIN}"
    exec setpriv ${AS(1002).join(' ')} unshare -Urm bash -ec '
      stratafs() { "${process.execPath}" "$MAIN" "$@"; }
      stratafs mount -o ${stack('wk')} MNT
      stratafs ls | grep -c "$PWD/MNT"
      stratafs status MNT | grep -c nodes
      stratafs umount MNT'
    `);
  folder.script(`rm -rf ${squatted}`);
  expect({ code, out }).toEqual({ code: 0, out: '1\n1\n' });
  expect(folder.script('find .local -type f -o -type s').out).toBe('');
});

test.each([
  ['auto', 1],
  ['never', 0],
])('the end of a mount with fsync=%s syncs the upper directory %d times', async (fsync, times) => {
  const trace = folder.path('trace');
  const strace = ['-f', '-qq', '-e', 'trace=syncfs', '-e', 'signal=none', '-o', trace];
  const options = `${stack('wk')},index=off,fsync=${fsync}`;
  const child = folder.hold('strace', ...strace, process.execPath, MAIN, 'mount', '-f', '-o', options, 'MNT');
  await until('mounted', () => folder.mounts().length === 1);
  folder.script('echo new > MNT/file');
  expect(folder.script('umount MNT').code).toBe(0);
  expect(await endOf(child)).toBe(0);
  expect(readFileSync(trace, 'utf8').match(/syncfs\(\d+\) += 0/g) ?? []).toHaveLength(times);
});
