/** Real mounts from the command line, from the first look to the end of the process. Needs to mount: root. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { startTimeOf } from '../../daemon/mount/process-id';
import { EXIT } from '../../lib/base/exit-codes';
import { endOf, errorsOf, Folder, MAIN, until } from './program';

const folder = new Folder();
const RW = ['--lower', 'base', '--lower', 'app', '--upper', 'rw', '--work', 'wk'];

beforeEach(() => {
  folder.make('rw', 'wk', 'MNT');
  folder.write('base/name', 'base');
  folder.write('base/only-base', 'base');
  folder.write('app/name', 'app');
});

function pidOf(mountpoint: string): number {
  const { out } = folder.run('ls', '--json');
  const mounts = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  return mounts.find(({ record }) => record.config.mountpoint === folder.path(mountpoint)).record.pid;
}

describe('detached', () => {
  test('is usable when the command returns, and leaves nothing after umount', () => {
    expect(folder.run('mount', ...RW, 'MNT')).toEqual({ code: EXIT.OK, out: '', err: '' });
    expect(readFileSync(folder.path('MNT/name'), 'utf8')).toBe('app');
    writeFileSync(folder.path('MNT/only-base'), 'changed');
    const pid = pidOf('MNT');
    expect(folder.run('umount', 'MNT')).toEqual({ code: EXIT.OK, out: '', err: '' });
    expect(startTimeOf(pid)).toBeNull();
    expect(folder.mounts()).toEqual([]);
    expect(folder.run('ls', '--json').out).not.toContain(folder.path('MNT'));
    expect(readFileSync(folder.path('rw/only-base'), 'utf8')).toBe('changed');
    expect(readFileSync(folder.path('base/only-base'), 'utf8')).toBe('base');
  });

  test.each([
    ['mount -o', ['mount', '-o', 'lowerdir=app:base,upperdir=rw,workdir=wk', 'MNT']],
    ['-o without the word mount', ['-o', ',,lowerdir=app:base,,upperdir=rw,workdir=wk,', 'MNT']],
    ['-o glued to its value', ['-olowerdir=app:base,upperdir=rw,workdir=wk', 'MNT']],
    ['as mount(8) calls a helper', ['stratafs', 'MNT', '-o', 'rw,dev,suid,lowerdir=app:base']],
  ])('%s: the leftmost layer is on top', (_, args) => {
    expect(folder.run(...args)).toEqual({ code: EXIT.OK, out: '', err: '' });
    expect(readFileSync(folder.path('MNT/name'), 'utf8')).toBe('app');
    expect(readFileSync(folder.path('MNT/only-base'), 'utf8')).toBe('base');
    expect(folder.run('umount', 'MNT').code).toBe(EXIT.OK);
  });

  test('/proc/mounts has type, source and options', () => {
    const options = ['--ro', '--nosuid', '--nodev', '--noexec', '--noatime'];
    expect(folder.run('mount', ...options, '--lower', 'base', 'my source', 'MNT').code).toBe(EXIT.OK);
    const [source, mountpoint, type, flags] = folder.mountLines()[0]!.split(' ');
    expect([source, mountpoint, type]).toEqual(['my\\040source', folder.path('MNT'), 'fuse.stratafs']);
    expect(flags!.split(',')).toEqual(
      expect.arrayContaining([
        'ro',
        'nosuid',
        'nodev',
        'noexec',
        'noatime',
        'default_permissions',
        'allow_other',
      ]),
    );
    folder.run('umount', 'MNT');
  });

  test('private: mounts on top of it propagate nowhere', () => {
    const { code, out, err } = folder.script(`
      export -f stratafs
      unshare -m --propagation shared bash -c '
        for options in ro ro,private; do
          stratafs -o lowerdir=app:base,$options MNT || exit 1
          findmnt -no PROPAGATION MNT
          stratafs umount MNT
        done'`);
    expect({ code, out, err }).toEqual({ code: 0, out: 'shared\nprivate\n', err: '' });
  });

  test('without an upper directory it is read-only', () => {
    expect(folder.run('mount', '--lower', 'base', 'MNT').code).toBe(EXIT.OK);
    expect(() => writeFileSync(folder.path('MNT/new'), '')).toThrow(/EROFS/);
    folder.run('umount', 'MNT');
  });

  test('a path that is not UTF-8, and one with a comma, a colon and a backslash', () => {
    const { code, out, err } = folder.script(String.raw`
      layer=$'\377layer'; odd='a,b:c\d'
      mkdir "$layer" "$odd" $'m\376'; echo bytes >"$layer/$(printf 'f\375')"; echo odd >"$odd/odd"
      stratafs -o "lowerdir=$layer:a\,b\:c\\\\d" $'m\376' || exit 1
      cat $'m\376'/* && stratafs umount $'m\376' && ! mountpoint -q $'m\376'`);
    expect({ code, out, err }).toEqual({ code: 0, out: 'bytes\nodd\n', err: '' });
  });

  test('200 lower layers', () => {
    const names = Array.from({ length: 200 }, (_, i) => `layers/${i}`);
    for (const [i, name] of names.entries()) {
      folder.write(`${name}/everywhere`, `${i}`);
      folder.write(`${name}/only-${i}`, `${i}`);
    }
    expect(folder.run('-o', `lowerdir=${names.join(':')},upperdir=rw,workdir=wk`, 'MNT').code).toBe(EXIT.OK);
    expect(readdirSync(folder.path('MNT'))).toHaveLength(201);
    expect(readFileSync(folder.path('MNT/everywhere'), 'utf8')).toBe('0');
    expect(readFileSync(folder.path('MNT/only-199'), 'utf8')).toBe('199');
    expect(folder.run('umount', 'MNT').code).toBe(EXIT.OK);
  });

  test('status tells counters, ls shows the mount', () => {
    folder.run('mount', ...RW, 'MNT');
    expect(Object.keys(JSON.parse(folder.run('status', 'MNT').out))).toContain('nodes');
    expect(folder.run('ls').out).toMatch(
      new RegExp(`${folder.path('MNT')} .*mounted .*${folder.path('rw')} .*2`),
    );
    folder.run('umount', 'MNT');
  });
});

describe('without privilege over the machine', () => {
  test('in a user namespace, with user.overlay xattrs', () => {
    folder.write('base/dir/file', '');
    const { code, out, err } = folder.script(`
      export -f stratafs
      unshare -Urm bash -c '
        stratafs mount --lower base --lower app --upper rw --work wk MNT || exit 1
        cat MNT/name && rm -r MNT/dir && mkdir MNT/dir && ls MNT/dir
        stratafs ls | grep -c mounted
        getfattr --only-values -n user.overlay.opaque rw/dir && echo
        stratafs umount MNT'`);
    expect({ code, out, err }).toEqual({ code: 0, out: 'app1\ny\n', err: '' });
  });
});

describe('out of the tree', () => {
  test.each([
    ['in a mount namespace that everybody has left', "unshare -m bash -c 'stratafs mount --lower base MNT'"],
    ['with a file open', 'stratafs mount --lower base MNT; exec 7<MNT/name; umount -l MNT'],
  ])('umount and status say whom to kill: %s', (_, mount) => {
    const { code, out, err } = folder.script(`
      export -f stratafs
      ${mount}
      stratafs ls --json | grep -F "$PWD/MNT" | grep -o '"pid":[0-9]*,' | tr -cd 0-9
      echo; stratafs umount MNT; echo $?; stratafs status MNT; echo $?`);
    const pid = Number(out.split('\n')[0]);
    expect(pid).toBeGreaterThan(1);
    expect({ code, out }).toEqual({ code: 0, out: `${pid}\n${EXIT.NOT_MOUNTED}\n${EXIT.NOT_MOUNTED}\n` });
    const line = new RegExp(`/MNT is not a stratafs mount \\(.*: kill ${pid} ends it\\)`);
    for (const said of err.trim().split('\n')) expect(said).toMatch(line);
    process.kill(pid);
    return until('its end', () => startTimeOf(pid) === null);
  });
});

describe('exclusive use', () => {
  test('upper and work directory belong to one live mount', () => {
    folder.make('other', 'rw2', 'wk2');
    folder.run('mount', ...RW, 'MNT');
    const sameUpper = folder.run('mount', '--lower', 'base', '--upper', 'rw', '--work', 'wk2', 'other');
    const sameWork = folder.run('mount', '--lower', 'base', '--upper', 'rw2', '--work', 'wk', 'other');
    expect(sameUpper.code).toBe(EXIT.IN_USE);
    expect(sameUpper.err).toMatch(
      /upper directory .* is in use by a live mount \(mounted on .*MNT by process \d+\)/,
    );
    expect(sameWork).toMatchObject({ code: EXIT.IN_USE, err: expect.stringMatching(/work directory/) });
    folder.run('umount', 'MNT');
    expect(folder.run('mount', ...RW, 'other').code).toBe(EXIT.OK);
    folder.run('umount', 'other');
  });

  test('a mountpoint is used once', () => {
    folder.run('mount', '--lower', 'base', 'MNT');
    const again = folder.run('mount', '--lower', 'app', 'MNT');
    expect(again).toMatchObject({ code: EXIT.BAD_MOUNTPOINT, err: expect.stringMatching(/mount already/) });
    folder.run('umount', 'MNT');
  });
});

describe('busy', () => {
  test('umount names who uses the mount, and --lazy does not mind', async () => {
    folder.run('mount', ...RW, 'MNT');
    const user = folder.hold('sh', '-c', `exec sleep 1000 <${folder.path('MNT/name')}`);
    const pid = pidOf('MNT');
    await until('the file is open', () => readFileSync(`/proc/${user.pid}/comm`, 'utf8') === 'sleep\n');
    const busy = folder.run('umount', 'MNT');
    expect(busy.code).toBe(EXIT.BUSY);
    expect(busy.err).toContain(`sleep (pid ${user.pid})`);
    expect(folder.mounts()).toHaveLength(1);
    expect(folder.run('umount', '--lazy', 'MNT').code).toBe(EXIT.OK);
    expect(folder.mounts()).toEqual([]);
    expect(startTimeOf(pid)).not.toBeNull();
    user.kill('SIGKILL');
    await until('the process ends with its last user', () => startTimeOf(pid) === null);
  });

  test('reads of /dev/fuse that fail in passing are tried again', async () => {
    const failing = ['-P', '/dev/fuse', '-e', 'trace=read', '-e', 'inject=read:error=ENOMEM:when=20+7'];
    const program = [process.execPath, MAIN, 'mount', '-f', ...RW, 'MNT'];
    const daemon = folder.hold('strace', '-f', '-o', '/dev/null', ...failing, ...program);
    await until('it is mounted', () => folder.mounts().length === 1);
    expect(
      folder.script('for n in $(seq 50); do echo $n >MNT/$n; done; cat MNT/[0-9]*; umount MNT').code,
    ).toBe(0);
    expect(await endOf(daemon)).toBe(0);
  });

  test('an aborted mount ends, though somebody waits for a long listing', async () => {
    folder.script(`cd base && seq 3000 | xargs touch`);
    folder.run('mount', ...RW, '--tiny-slices', '--index', 'off', 'MNT');
    const pid = pidOf('MNT');
    const lister = folder.hold('python3', '-c', 'import os; os.listdir("MNT")');
    const GETDENTS64 = '217 ';
    await until('it waits', () => readFileSync(`/proc/${lister.pid}/syscall`, 'utf8').startsWith(GETDENTS64));
    folder.script('umount -f MNT; umount -l MNT');
    await until('the daemon ends', () => startTimeOf(pid) === null);
    expect(await endOf(lister)).toBe(1);
  });

  test('SIGTERM after a lazy umount leaves alone what was mounted there since', async () => {
    folder.run('mount', ...RW, 'MNT');
    const user = folder.hold('sh', '-c', `exec sleep 1000 <${folder.path('MNT/name')}`);
    const pid = pidOf('MNT');
    await until('the file is open', () => readFileSync(`/proc/${user.pid}/comm`, 'utf8') === 'sleep\n');
    expect(folder.run('umount', '--lazy', 'MNT').code).toBe(EXIT.OK);
    expect(folder.run('mount', '--lower', 'app', 'MNT').code).toBe(EXIT.OK);
    process.kill(pid, 'SIGTERM');
    await until('the first process ends', () => startTimeOf(pid) === null);
    expect(readFileSync(folder.path('MNT/name'), 'utf8')).toBe('app');
    user.kill('SIGKILL');
    expect(folder.run('umount', 'MNT').code).toBe(EXIT.OK);
  });
});

describe('the process dies', () => {
  test('before it is ready: the command says so and where the cause is', () => {
    folder.write(
      'die.js',
      "if (process.argv.includes('--serve-mount')) { console.error('the cause'); process.abort(); }",
    );
    const { code, err } = folder.script(
      `NODE_OPTIONS="--require $PWD/die.js" stratafs mount --lower base MNT`,
    );
    expect(code).toBe(EXIT.FAILURE);
    const [, log] =
      /^stratafs: the mount's process ended before it was ready \(SIGABRT\) \(the cause is in (.*)\)\n$/.exec(
        err,
      )!;
    expect(readFileSync(log!, 'utf8')).toContain('the cause');
    rmSync(log!);
  });

  test('umount cleans up after SIGKILL, and the directories are free again', async () => {
    folder.run('mount', ...RW, 'MNT');
    const pid = pidOf('MNT');
    process.kill(pid, 'SIGKILL');
    await until('it is dead', () => startTimeOf(pid) === null);
    expect(() => readdirSync(folder.path('MNT'))).toThrow(/ENOTCONN|ECONNABORTED/);
    expect(folder.run('ls').out).toMatch(/dead/);
    expect(folder.run('mount', ...RW, 'MNT').code).toBe(EXIT.BAD_MOUNTPOINT);
    expect(folder.run('umount', 'MNT')).toEqual({ code: EXIT.OK, out: '', err: '' });
    expect(folder.mounts()).toEqual([]);
    expect(folder.run('ls').out).not.toContain(folder.path('MNT'));
    expect(folder.run('mount', ...RW, 'MNT').code).toBe(EXIT.OK);
    folder.run('umount', 'MNT');
  });
});

describe('in the foreground', () => {
  const foreground = async (...more: string[]) => {
    const child = folder.start('mount', '--foreground', ...more, ...RW, 'MNT');
    const errors = errorsOf(child);
    await until('mounted', () => errors().includes('"mounted"'));
    return { child, errors };
  };

  test.each(['SIGTERM', 'SIGINT'] as const)('%s unmounts', async (signal) => {
    const { child } = await foreground();
    expect(readFileSync(folder.path('MNT/name'), 'utf8')).toBe('app');
    child.kill(signal);
    expect(await endOf(child)).toBe(EXIT.OK);
    expect(folder.mounts()).toEqual([]);
  });

  test('umount from elsewhere ends it', async () => {
    const { child } = await foreground();
    expect(folder.run('umount', 'MNT').code).toBe(EXIT.OK);
    expect(await endOf(child)).toBe(EXIT.OK);
  });

  test('a busy mount survives SIGTERM and says who uses it', async () => {
    const { child, errors } = await foreground();
    const user = folder.hold('sh', '-c', `cd ${folder.path('MNT')} && exec sleep 1000`);
    await until(
      'the directory is in use',
      () => readFileSync(`/proc/${user.pid}/comm`, 'utf8') === 'sleep\n',
    );
    child.kill('SIGTERM');
    await until('it says so', () => errors().includes(`sleep (pid ${user.pid}): it stays mounted`));
    expect(readFileSync(folder.path('MNT/name'), 'utf8')).toBe('app');
    user.kill('SIGKILL');
    await endOf(user);
    child.kill('SIGTERM');
    expect(await endOf(child)).toBe(EXIT.OK);
  });

  test('SIGUSR2 logs the counters, --trace-fuse the requests', async () => {
    const { child, errors } = await foreground('--trace-fuse', '--check-invariants');
    readdirSync(folder.path('MNT'));
    child.kill('SIGUSR2');
    await until('counters', () => /"nodes":\d+.*"msg":"counters"/.test(errors()));
    expect(errors()).toMatch(/READDIR/);
    child.kill('SIGTERM');
    expect(await endOf(child)).toBe(EXIT.OK);
  });

  test('what is wrong is said on standard error', async () => {
    const child = folder.start('mount', '--foreground', '--lower', 'none', 'MNT');
    const errors = errorsOf(child);
    expect(await endOf(child)).toBe(EXIT.BAD_LAYER);
    expect(errors()).toMatch(/^stratafs: lower layer .*none does not exist\n$/);
  });

  test('--log-file takes the log', async () => {
    const child = folder.start('mount', '-f', '--log-file', 'log', ...RW, 'MNT');
    await until('mounted', () => existsSync(folder.path('log')) && folder.mounts().length === 1);
    await until('logged', () => readFileSync(folder.path('log'), 'utf8').includes('"mounted"'));
    child.kill('SIGTERM');
    expect(await endOf(child)).toBe(EXIT.OK);
  });

  test.each(['open_tree', 'mount_setattr'])(
    'layers are used as they are where %s is ENOSYS',
    async (call) => {
      const inject = ['-f', '-o', 'trace', '-e', `inject=${call}:error=ENOSYS`];
      const stratafs = [process.execPath, MAIN, 'mount', '-f', '--io', 'cached', ...RW, 'MNT'];
      const child = folder.hold('strace', ...inject, ...stratafs);
      await until('mounted', () => folder.mounts().length === 1);
      writeFileSync(folder.path('MNT/only-base'), 'changed');
      expect(readFileSync(folder.path('base/only-base'), 'utf8')).toBe('base');
      expect(folder.run('umount', 'MNT').code).toBe(EXIT.OK);
      expect(await endOf(child)).toBe(EXIT.OK);
      expect(readFileSync(folder.path('trace'), 'utf8')).toContain('(INJECTED)');
    },
  );
});
