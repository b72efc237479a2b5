/** `--transport`, and that a mount's life is the same on both. Needs to mount: root. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startTimeOf } from '../../daemon/mount/process-id';
import { FallbackServing, type Serving } from '../../daemon/mount/serving';
import { EXIT } from '../../lib/base/exit-codes';
import { endOf, errorsOf, Folder, MAIN, until } from './program';

describe('the option', () => {
  const folder = new Folder();
  beforeEach(() => folder.make('base', 'MNT'));

  test.each([
    [
      ['--transport', 'smoke-signals'],
      "option transport cannot be 'smoke-signals' (use auto, kernel, fuse-native)",
    ],
    [['-o', 'transport=kernal'], "option transport cannot be 'kernal' (use auto, kernel, fuse-native)"],
    [['-o', 'transport'], 'option transport needs a value (use auto, kernel, fuse-native)'],
    [
      ['--transport', 'fuse-native', '--io', 'passthrough'],
      'the fuse-native transport has no passthrough (leave out io=passthrough)',
    ],
  ])('%j is refused', (args, message) => {
    expect(folder.run('mount', ...args, '--lower', 'base', 'MNT')).toEqual({
      code: EXIT.USAGE,
      out: '',
      err: `stratafs: ${message}\n`,
    });
    expect(folder.mounts()).toEqual([]);
  });
});

describe.each(['kernel', 'fuse-native'])('%s', (transport) => {
  const folder = new Folder();
  const RW = ['--transport', transport, '--lower', 'base', '--upper', 'rw', '--work', 'wk', 'MNT'];

  beforeEach(() => {
    folder.make('rw', 'wk', 'MNT');
    folder.write('base/name', 'base');
  });

  function pid(): number {
    const lines = folder.run('ls', '--json').out.trim().split('\n');
    const mounts = lines.map((line) => JSON.parse(line));
    return mounts.find(({ record }) => record.config.mountpoint === folder.path('MNT')).record.pid;
  }

  /** A process that has a file of the mount open. */
  async function user() {
    const child = folder.hold('sh', '-c', `exec sleep 1000 <${folder.path('MNT/name')}`);
    await until('the file is open', () => readFileSync(`/proc/${child.pid}/comm`, 'utf8') === 'sleep\n');
    return child;
  }

  async function foreground(...more: string[]) {
    const child = folder.start('mount', '--foreground', ...more, ...RW);
    const errors = errorsOf(child);
    await until('mounted', () => errors().includes('"mounted"'));
    return { child, errors };
  }

  test('mounts, tells its counters, and leaves nothing after umount', () => {
    expect(folder.run('mount', ...RW)).toEqual({ code: EXIT.OK, out: '', err: '' });
    const [source, , type, flags] = folder.mountLines()[0]!.split(' ');
    expect([source, type]).toEqual(['stratafs', 'fuse.stratafs']);
    expect(flags!.split(',')).toEqual(expect.arrayContaining(['rw', 'default_permissions', 'allow_other']));
    writeFileSync(folder.path('MNT/name'), 'changed');
    expect(JSON.parse(folder.run('status', 'MNT').out).nodes).toBeGreaterThan(1);
    const server = pid();
    expect(folder.run('umount', 'MNT')).toEqual({ code: EXIT.OK, out: '', err: '' });
    expect(startTimeOf(server)).toBeNull();
    expect(folder.mounts()).toEqual([]);
    expect(readFileSync(folder.path('rw/name'), 'utf8')).toBe('changed');
    expect(folder.run('mount', ...RW).code).toBe(EXIT.OK);
    expect(readFileSync(folder.path('MNT/name'), 'utf8')).toBe('changed');
    expect(folder.run('umount', 'MNT').code).toBe(EXIT.OK);
  });

  test('a busy mount stays, says by whom, and can be taken away lazily', async () => {
    folder.run('mount', ...RW);
    const server = pid();
    const holder = await user();
    const busy = folder.run('umount', 'MNT');
    expect(busy.code).toBe(EXIT.BUSY);
    expect(busy.err).toContain(`sleep (pid ${holder.pid})`);
    expect(readFileSync(folder.path('MNT/name'), 'utf8')).toBe('base');
    expect(folder.run('umount', '--lazy', 'MNT').code).toBe(EXIT.OK);
    expect(startTimeOf(server)).not.toBeNull();
    holder.kill('SIGKILL');
    await until('the process ends with its last user', () => startTimeOf(server) === null);
  });

  test('umount cleans up after SIGKILL', async () => {
    folder.run('mount', ...RW);
    const server = pid();
    process.kill(server, 'SIGKILL');
    await until('it is dead', () => startTimeOf(server) === null);
    expect(folder.run('ls').out).toMatch(/dead/);
    expect(folder.run('umount', 'MNT')).toEqual({ code: EXIT.OK, out: '', err: '' });
    expect(folder.mounts()).toEqual([]);
    expect(folder.run('mount', ...RW).code).toBe(EXIT.OK);
    expect(folder.run('umount', 'MNT').code).toBe(EXIT.OK);
  });

  test('SIGTERM unmounts, but not what is busy', async () => {
    const { child, errors } = await foreground();
    expect(errors()).toContain(`"transport":"${transport}"`);
    const holder = await user();
    child.kill('SIGTERM');
    await until('it says so', () => errors().includes(`sleep (pid ${holder.pid}): it stays mounted`));
    expect(readFileSync(folder.path('MNT/name'), 'utf8')).toBe('base');
    holder.kill('SIGKILL');
    await endOf(holder);
    child.kill('SIGTERM');
    expect(await endOf(child)).toBe(EXIT.OK);
    expect(folder.mounts()).toEqual([]);
  });

  test('SIGTERM ends a mount that has users but is out of the tree', async () => {
    const { child } = await foreground();
    const holder = await user();
    expect(folder.run('umount', '--lazy', 'MNT').code).toBe(EXIT.OK);
    child.kill('SIGTERM');
    expect(await endOf(child)).toBe(EXIT.OK);
    holder.kill('SIGKILL');
  });

  test('SIGUSR2 logs the counters, --trace-fuse the requests', async () => {
    const { child, errors } = await foreground('--trace-fuse', '--check-invariants');
    readFileSync(folder.path('MNT/name'));
    child.kill('SIGUSR2');
    await until('counters', () => /"nodes":\d+.*"msg":"counters"/.test(errors()));
    expect(errors()).toMatch(/"msg":"(> \d+ OPEN|open) /);
    child.kill('SIGTERM');
    expect(await endOf(child)).toBe(EXIT.OK);
  });

  test('works in a user namespace', () => {
    const { code, out, err } = folder.script(`
      export -f stratafs
      unshare -Urm bash -c '
        stratafs mount ${RW.join(' ')} || exit 1
        cat MNT/name && rm MNT/name && mkdir MNT/name && ls -d MNT/name
        getfattr --only-values -n user.overlay.opaque rw/name && echo
        stratafs umount MNT'`);
    expect({ code, out, err }).toEqual({ code: 0, out: 'baseMNT/name\ny\n', err: '' });
  });
});

describe('auto', () => {
  const folder = new Folder();

  test('is the kernel where that works', async () => {
    folder.make('base', 'MNT');
    const child = folder.start('mount', '--foreground', '--lower', 'base', 'MNT');
    const errors = errorsOf(child);
    await until('mounted', () => errors().includes('"mounted"'));
    expect(errors()).toContain('"transport":"kernel"');
    child.kill('SIGTERM');
    expect(await endOf(child)).toBe(EXIT.OK);
  });

  test('is fuse-native where the kernel is too old, and says so', async () => {
    const init = join(MAIN, '../../lib/fuse/init.js');
    folder.write('old-kernel.js', `require(${JSON.stringify(init)}).negotiate = () => 'protocol-too-old';`);
    folder.make('rw', 'wk', 'MNT');
    folder.write('base/name', 'base');
    const mount = (transport: string) =>
      folder.script(`NODE_OPTIONS="--require $PWD/old-kernel.js" stratafs mount --transport ${transport} \
        --log-file log --lower base --upper rw --work wk MNT`);
    expect(mount('kernel')).toMatchObject({ code: EXIT.FAILURE, err: expect.stringMatching(/too old/) });
    expect(folder.mounts()).toEqual([]);
    expect(mount('auto')).toEqual({ code: EXIT.OK, out: '', err: '' });
    writeFileSync(folder.path('MNT/name'), 'changed');
    expect(folder.run('umount', 'MNT').code).toBe(EXIT.OK);
    expect(readFileSync(folder.path('rw/name'), 'utf8')).toBe('changed');
    expect(readFileSync(folder.path('log'), 'utf8')).toMatch(
      /"level":40.*too old: trying the fuse-native transport.*\n.*"transport":"fuse-native"/,
    );
  });

  /** Serves, or is refused, by what is given. */
  function serving(transport: Serving['transport'], refusal: Error | null) {
    let end!: () => void;
    let stops = 0;
    const served = new Promise<void>((resolve) => {
      end = resolve;
    });
    const it: Serving = {
      transport,
      mounted: refusal === null ? Promise.resolve() : Promise.reject(refusal),
      ended: refusal === null ? served : Promise.resolve(),
      counters: async () => ({ [transport]: 1 }),
      stop: () => {
        stops++;
      },
    };
    return { it, end, stops: () => stops };
  }

  test('another takes over from one that is refused', async () => {
    const other = serving('fuse-native', null);
    const seen: Error[] = [];
    const both = new FallbackServing(serving('kernel', new Error('too old')).it, async (refusal) => {
      seen.push(refusal);
      return other.it;
    });
    await both.mounted;
    expect(seen.map(({ message }) => message)).toEqual(['too old']);
    expect([both.transport, await both.counters()]).toEqual(['fuse-native', { 'fuse-native': 1 }]);
    both.stop();
    expect(other.stops()).toBe(1);
    other.end();
    await both.ended;
  });

  test('a refusal that concerns both stands', async () => {
    const both = new FallbackServing(serving('kernel', new Error('not permitted')).it, () => null);
    await expect(both.mounted).rejects.toThrow('not permitted');
    await both.ended;
  });

  test('one that serves is left alone', async () => {
    const first = serving('kernel', null);
    const both = new FallbackServing(first.it, () => {
      throw new Error('nobody asked');
    });
    await both.mounted;
    expect(both.transport).toBe('kernel');
    first.end();
    await both.ended;
  });
});
