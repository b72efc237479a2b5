/** The log of a mount: nobody can fill it, and nothing that happens to it happens to the mount. */
import { readFileSync } from 'node:fs';
import { endOf, Folder, MAIN, until } from './program';

const folder = new Folder();

/** A name whose every lookup is a line in the log. */
beforeEach(() => {
  folder.make('base', 'MNT');
  folder.write('base/name', '');
  folder.write('base/file', 'content');
  folder.script(
    'setfattr -n trusted.overlay.metacopy base/name; setfattr -n trusted.overlay.impure -v y base',
  );
});

const STATS = `import os
for i in range(N):
    try: os.stat("MNT/name")
    except PermissionError: pass
    else: raise SystemExit(9)
`;
const flood = (count: number) => folder.script(`python3 -c '${STATS.replace('N', String(count))}'`);

test('a line that any user can cause comes a few times, and then with a count', async () => {
  expect(folder.run('mount', '--lower', 'base', '--log-file', 'log', 'MNT').code).toBe(0);
  expect(flood(5000).code).toBe(0);
  const lines = () =>
    readFileSync(folder.path('log'), 'utf8')
      .split('\n')
      .filter((line) => line.includes('metacopy'))
      .map((line) => JSON.parse(line).msg as string);
  const more = (line: string) => Number(/\(and (\d+) more like this\)$/.exec(line)?.[1] ?? 0);
  await until('all are counted', () => lines().reduce((sum, line) => sum + 1 + more(line), 0) === 5000);
  expect(lines().length).toBeLessThan(100);
  expect(flood(50).code).toBe(0);
  expect(folder.run('umount', 'MNT').code).toBe(0);
  expect(lines().reduce((sum, line) => sum + 1 + more(line), 0)).toBe(5050);
});

test.each([
  ['on a device that is always full', 'exec stratafs mount -f --lower base --log-file /dev/full MNT'],
  ['that is standard error, with its reader gone', 'stratafs mount -f --lower base MNT 2> >(exec true)'],
  ['that may not grow', 'ulimit -f 1; stratafs mount -f --lower base --log-file log MNT'],
])('a log %s', async (_, command) => {
  const child = folder.hold(
    'bash',
    '-c',
    `stratafs() { "${process.execPath}" "${MAIN}" "$@"; }; ${command.replace('exec stratafs', 'stratafs')}`,
  );
  await until('it is mounted', () => folder.mounts().length === 1);
  for (let i = 0; i < 3; i++) expect(flood(200).code).toBe(0);
  expect(readFileSync(folder.path('MNT/file'), 'utf8')).toBe('content');
  expect(folder.script('umount MNT').code).toBe(0);
  expect(await endOf(child)).toBe(0);
});

test('standard error that nobody reads', () => {
  const script = `
import fcntl, os, signal, subprocess, sys, time
read, write = os.pipe()
fcntl.fcntl(write, 1031, 4096) # F_SETPIPE_SZ
child = subprocess.Popen([sys.argv[1], sys.argv[2], "mount", "-f", "--lower", "base", "MNT"], stderr=write)
deadline = time.time() + 20
while not os.path.ismount("MNT"):
    assert time.time() < deadline
    time.sleep(0.02)
for _ in range(30):
    child.send_signal(signal.SIGUSR2)
    time.sleep(0.02)
    assert open("MNT/file").read() == "content"
child.send_signal(signal.SIGTERM)
sys.exit(child.wait(20))
`;
  folder.write('unread.py', script);
  const finished = folder.script(`exec python3 unread.py "${process.execPath}" "${MAIN}"`);
  expect(finished).toMatchObject({ code: 0, err: '' });
});
