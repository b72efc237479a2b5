import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServedMount } from './served-mount';

let base: string;
let mount: ServedMount;
const dir = (name: string): string => join(base, name);
const sh = (script: string): string =>
  execFileSync('bash', ['-ec', script], { cwd: base, encoding: 'utf8', timeout: 60_000 });

/** Names, types, modes, owners, sizes, times and contents of a tree. */
const fingerprint = (tree: string): string =>
  sh(
    `cd ${tree}; find . -printf '%P %y %m %U:%G %s %T@ %l\\n' | sort; find . -type f | sort | xargs sha256sum`,
  );

beforeEach(async () => {
  base = mkdtempSync(join(tmpdir(), 'stratafs-native-union-'));
  sh(`
    mkdir old new upper work; mkdir -p old/dir/deep new/dir
    echo old > old/file; echo old > old/dir/below; echo deep > old/dir/deep/file; seq 100000 > old/big
    echo new > new/dir/above; ln -s dir/above new/link; echo gone > old/gone
    touch -d '2010-01-02 03:04:05' old/file old/dir/below new/dir/above`);
  mount = await ServedMount.start('union-server.js', dir('upper'), dir('work'), dir('new'), dir('old'));
});
afterEach(async () => {
  await mount.abandon();
  rmSync(base, { recursive: true, force: true });
});

async function endClean(): Promise<void> {
  expect(await mount.unmount()).toBe('gone');
  expect(mount.errors).toBe('');
}

test('layers are merged, changes land in the upper, layers stay as they are', async () => {
  const before = [fingerprint(dir('old')), fingerprint(dir('new'))];
  const out = await mount.shell(`
    cat file link dir/below dir/deep/file
    echo more >> file; rm gone; mkdir gone; tail -1 big; echo 100001 >> big; tail -2 big | tr '\\n' ' '
    mv dir/above dir/moved; chmod 600 dir/below; stat -c '%a %Y' dir/below; ls dir`);
  expect(out.trim().split('\n')).toEqual([
    'old',
    'new',
    'old',
    'deep',
    '100000',
    '100000 100001 600 1262401445',
    'below',
    'deep',
    'moved',
  ]);
  await endClean();
  expect([fingerprint(dir('old')), fingerprint(dir('new'))]).toEqual(before);
  const whiteouts = sh(
    `cd upper; find . -type c -printf '%P '; cat file; getfattr -h --only-values -n trusted.overlay.opaque gone`,
  );
  expect(whiteouts).toBe('dir/above old\nmore\ny');
});

test('git, tar, rsync and sqlite work as on any file system', async () => {
  const out = await mount.shell(`
    mkdir src; for i in $(seq 40); do seq $i > src/f$i; done; ln src/f1 src/hard; ln -s f2 src/soft
    touch -d '2003-04-05 06:07:08.25' src/f3; cp -a src copy; diff -r src copy
    git init -q repo; cd repo; git config user.email a@b; git config user.name n; cp -a ../src .
    git add -A; git commit -qm one; git status --short; git gc -q; git clone -q . ../clone; cd ..
    diff -r --exclude .git repo clone
    tar -cf t.tar src; mkdir out; tar -xf t.tar -C out; stat -c %h out/src/hard; stat -c %Y out/src/f3
    rsync -aH src/ synced/; rsync -aHi src/ synced/ | wc -l
    sqlite3 db 'pragma journal_mode=wal; create table t(a); insert into t values (1),(2); select sum(a) from t;'
    rm -rf repo clone out synced copy src; ls`);
  const lines = out.trim().split('\n');
  expect(lines.slice(0, 5)).toEqual(['2', '1049522828', '0', 'wal', '3']);
  expect(lines.slice(5)).toEqual(['big', 'db', 'dir', 'file', 'gone', 'link', 't.tar']);
  await endClean();
}, 120_000);
