/**
 * The kernel transport on a real mount, in each I/O mode, over a small file system in memory: what Linux itself
 * makes of our replies. What a union does is the conformance suite's business.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmdirSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bytesFromText } from '../../lib/base/bytes';
import { EBUSY, OK } from '../../lib/base/errno';
import { unmount } from '../../lib/fuse/device';

const SERVER = join(__dirname, '../support/memory-server.js');
const canMount = process.getuid!() === 0 && existsSync('/dev/fuse');

interface Mounted {
  readonly path: string;
  readonly server: ChildProcess;
  output: string;
}

async function mounted(io: string, ...flags: string[]): Promise<Mounted> {
  const path = mkdtempSync(join(tmpdir(), 'stratafs-wire-'));
  const server = spawn(process.execPath, [SERVER, path, io, ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const mount: Mounted = { path, server, output: '' };
  await new Promise<void>((resolve, reject) => {
    server.on('exit', () => reject(new Error(`the server ended: ${mount.output}`)));
    server.stdout!.on('data', (chunk) => {
      mount.output += chunk;
      if (mount.output.startsWith('ready\n')) resolve();
    });
  });
  return mount;
}

/** Unmounts, and gives what the server found left behind. */
async function unmounted(mount: Mounted): Promise<unknown> {
  // A RELEASE that is still queued would be dropped by the unmount; STATFS is answered after it.
  await fs.statfs(mount.path);
  const ended = new Promise((resolve) => mount.server.on('close', resolve));
  const errno = unmount(bytesFromText(mount.path), false);
  if (errno !== OK) unmount(bytesFromText(mount.path), true);
  await ended;
  rmdirSync(mount.path);
  return { errno, ...JSON.parse(mount.output.slice('ready\n'.length)) };
}

/** Waits for what happens soon, and fails when it does not. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!(await condition())) {
    expect(Date.now()).toBeLessThan(deadline);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const CLEAN = { errno: OK, left: '', destroyed: true };

(canMount ? describe : describe.skip)('a real mount', () => {
  describe.each(['cached', 'passthrough'])('%s', (io) => {
    let mount: Mounted;
    const at = (name: string): string => join(mount.path, name);

    beforeEach(async () => {
      mount = await mounted(io);
    });

    afterEach(async () => {
      expect(await unmounted(mount)).toEqual(CLEAN);
    });

    test('shows in /proc/mounts', () => {
      const line = readFileSync('/proc/mounts', 'utf8')
        .split('\n')
        .find((mounts) => mounts.split(' ')[1] === mount.path);
      expect(line).toMatch(/^memory,test \S+ fuse\.stratafs rw,nosuid,/);
      expect(line).toMatch(/default_permissions,allow_other/);
    });

    test('data comes back, in small and in large pieces', async () => {
      const large = Buffer.alloc(3_000_001, 'stratafs');
      await fs.writeFile(at('large'), large);
      expect((await fs.readFile(at('large'))).equals(large)).toBe(true);
      await fs.appendFile(at('large'), 'end');
      expect((await fs.stat(at('large'))).size).toBe(3_000_004);
      await fs.truncate(at('large'), 5);
      expect(await fs.readFile(at('large'), 'latin1')).toBe('strat');
      await fs.writeFile(at('large'), 'shorter');
      expect(await fs.readFile(at('large'), 'latin1')).toBe('shorter');
    });

    test('many files are open at once, and unlinked ones stay', async () => {
      await fs.writeFile(at('f'), 'first');
      const readers = await Promise.all([fs.open(at('f')), fs.open(at('f')), fs.open(at('f'), 'r+')]);
      await fs.unlink(at('f'));
      await readers[2]!.write('F');
      for (const reader of readers) expect(await reader.readFile('latin1')).toMatch(/^(First|irst)$/);
      await Promise.all(readers.map((reader) => reader.close()));
      await expect(fs.stat(at('f'))).rejects.toMatchObject({ code: 'ENOENT' });
    });

    test('names, links, directories', async () => {
      await fs.mkdir(at('dir'), { mode: 0o700 });
      await fs.writeFile(at('dir/file'), 'x');
      await fs.symlink('dir/file', at('link'));
      await fs.link(at('dir/file'), at('hard'));
      await fs.rename(at('dir/file'), at('dir/moved'));
      expect((await fs.readdir(mount.path)).sort()).toEqual(['dir', 'hard', 'link']);
      expect(await fs.readlink(at('link'))).toBe('dir/file');
      expect(await fs.readFile(at('hard'), 'latin1')).toBe('x');
      await expect(fs.readFile(at('link'))).rejects.toMatchObject({ code: 'ENOENT' });
      const [moved, hard, dir] = await Promise.all(
        [at('dir/moved'), at('hard'), at('dir')].map((p) => fs.stat(p)),
      );
      expect(moved).toMatchObject({ ino: hard!.ino, nlink: 2, birthtimeMs: 1e12 + 0.000042 });
      expect(dir!.mode & 0o7777).toBe(0o700);
      await expect(fs.rmdir(at('dir'))).rejects.toMatchObject({ code: 'ENOTEMPTY' });
    });

    test('a large directory is listed whole', async () => {
      const names = Array.from({ length: 3000 }, (_, i) => `entry-${String(i).padStart(5, '0')}`);
      await Promise.all(names.map((name) => fs.writeFile(at(name), '')));
      expect((await fs.readdir(mount.path)).sort()).toEqual(names);
      expect((await fs.readdir(mount.path, { withFileTypes: true })).every((entry) => entry.isFile())).toBe(
        true,
      );
    });

    test('removed files are forgotten, each lookup of them', async () => {
      await Promise.all(Array.from({ length: 300 }, (_, i) => fs.writeFile(at(`f${i}`), '')));
      execFileSync('ls', ['-l', mount.path]);
      expect((await fs.statfs(mount.path)).files).toBe(301);
      await Promise.all(Array.from({ length: 300 }, (_, i) => fs.unlink(at(`f${i}`))));
      await until(async () => (await fs.statfs(mount.path)).files === 1);
    });

    test('a notification makes the kernel ask for attributes again', async () => {
      await fs.writeFile(at('f'), '', { mode: 0o644 });
      const mode = async (): Promise<number> => (await fs.stat(at('f'))).mode & 0o777;
      expect(await mode()).toBe(0o644);
      execFileSync('setfattr', ['-n', 'user.chmod', '-v', 'f', mount.path]);
      await until(async () => (await mode()) === 0o600);
    });

    test('an operation that parks is answered when its job is done', async () => {
      const file = await fs.open(at('f'), 'w');
      await file.write('x');
      await file.sync();
      await file.datasync();
      await file.close();
    });

    test('times, owner, mode, xattrs, statfs', async () => {
      await fs.writeFile(at('f'), '');
      await fs.utimes(at('f'), 1.5, 2.25);
      await fs.chmod(at('f'), 0o4711);
      await fs.chown(at('f'), 12, 34);
      const stat = await fs.stat(at('f'));
      expect(stat).toMatchObject({ atimeMs: 1500, mtimeMs: 2250, uid: 12, gid: 34 });
      execFileSync('setfattr', ['-n', 'user.key', '-v', 'value', at('f')]);
      expect(execFileSync('getfattr', ['-d', '--absolute-names', at('f')], { encoding: 'utf8' })).toContain(
        'user.key="value"',
      );
      expect(await fs.statfs(mount.path)).toMatchObject({
        bsize: 4096,
        blocks: 1000,
        bfree: 600,
        bavail: 500,
      });
    });

    test('a busy mount says so', async () => {
      const file = await fs.open(at('f'), 'w');
      expect(unmount(bytesFromText(mount.path), false)).toBe(EBUSY);
      await file.close();
    });
  });

  test('a read-only mount', async () => {
    const mount = await mounted('auto', 'ro');
    await expect(fs.writeFile(join(mount.path, 'f'), '')).rejects.toMatchObject({ code: 'EROFS' });
    expect(await fs.readdir(mount.path)).toEqual([]);
    expect(await unmounted(mount)).toEqual(CLEAN);
  });

  test('a lazily unmounted mount is served until its last file is closed', async () => {
    const mount = await mounted('auto');
    const file = await fs.open(join(mount.path, 'f'), 'w+');
    expect(unmount(bytesFromText(mount.path), true)).toBe(OK);
    await file.write('still here');
    expect((await file.read(Buffer.alloc(5), 0, 5, 0)).bytesRead).toBe(5);
    const ended = new Promise((resolve) => mount.server.on('close', resolve));
    await file.close();
    await ended;
    rmdirSync(mount.path);
    expect(mount.output).toContain('"destroyed":true');
  });
});
