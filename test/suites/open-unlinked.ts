/** Files whose last name is gone while they are open. */
import { O_CREAT, O_RDONLY, O_RDWR, O_TMPFILE } from '../../lib/vfs/flags';
import { dir, file, OLD_TIME, special } from '../support/layers';
import { useStack } from '../support/stack';
import type { Target } from '../support/targets';

const GET_FLAGS = 0x80086601;
const SET_FLAGS = 0x40086602;
const NONE = '\0'.repeat(8);
const NODUMP = `@${'\0'.repeat(7)}`;

export function openUnlinkedSuite(target: Target): void {
  const withIoctl = target.traits.supports.ioctl ? test : test.skip;
  const nameless = target.traits.supports.namelessFiles ? test : test.skip;

  describe('open and unlinked', () => {
    const stack = useStack(target, {
      upper: { upper: file('upper'), 'flags-dir': dir() },
      lowers: [
        {
          'lower-read': file('lower'),
          'lower-write': file('lower'),
          replaced: file('replaced'),
          flags: file('flags'),
          fifo: special('fifo'),
          'lower-dir': dir(),
          'dir/in-dir': file('x'),
          'copied-later': file('x'),
        },
      ],
    });

    test('a file can be read and written after its name is gone', async () => {
      const { fs, errno } = stack;
      for (const path of ['upper', 'lower-write', 'brand-new']) {
        const fd = await fs.open(path, O_RDWR | O_CREAT);
        await fs.unlink(path);
        expect(await errno.stat(path)).toBe('ENOENT');
        await fs.pwrite(fd, 'still here', 0);
        await fs.ftruncate(fd, 9);
        await fs.fchmod(fd, 0o600);
        expect(await fs.pread(fd, 20, 0)).toBe('still her');
        expect(await fs.fstat(fd)).toMatchObject({ nlink: 0, size: 9, mode: 0o600 });
        await fs.fsync(fd);
        await fs.close(fd);
      }
    });

    test('a lower file stays readable through a read-only handle', async () => {
      const { fs } = stack;
      const fd = await fs.open('lower-read', O_RDONLY);
      await fs.unlink('lower-read');
      expect(await fs.pread(fd, 20, 0)).toBe('lower');
      expect((await fs.fstat(fd)).size).toBe(5);
      await fs.close(fd);
    });

    withIoctl('its file attributes can be read and set', async () => {
      const { fs } = stack;
      for (const path of ['flags', 'new-flags', 'flags-dir']) {
        if (path === 'new-flags') await fs.put(path, '');
        const fd = await fs.open(path, path === 'flags-dir' ? O_RDONLY : O_RDWR);
        await (path === 'flags-dir' ? fs.rmdir(path) : fs.unlink(path));
        const before = await fs.ioctl(fd, GET_FLAGS, NONE);
        expect([path, before]).toEqual([path, NONE]);
        await fs.ioctl(fd, SET_FLAGS, NODUMP);
        expect([path, await fs.ioctl(fd, GET_FLAGS, NONE)]).toEqual([path, NODUMP]);
        await fs.close(fd);
      }
    });

    nameless('a fifo that was deleted while open can be changed', async () => {
      const { fs } = stack;
      const fd = await fs.open('fifo', O_RDWR);
      await fs.unlink('fifo');
      await fs.fchmod(fd, 0o600);
      expect(await fs.fstat(fd)).toMatchObject({ type: 'fifo', mode: 0o600 });
      await fs.write(fd, 'through');
      expect(await fs.read(fd, 20)).toBe('through');
      await fs.close(fd);
    });

    test('a name made anew is another file', async () => {
      const { fs } = stack;
      const old = await fs.open('replaced', O_RDWR);
      await fs.unlink('replaced');
      await fs.put('replaced', 'the new one');
      await fs.pwrite(old, 'OLD', 0);
      expect(await fs.get('replaced')).toBe('the new one');
      expect(await fs.pread(old, 20, 0)).toBe('OLDlaced');
      await fs.close(old);
    });

    nameless('an open file does not keep its directory', async () => {
      const { fs } = stack;
      const fd = await fs.open('dir/in-dir', O_RDWR);
      await fs.unlink('dir/in-dir');
      await fs.rmdir('dir');
      await fs.pwrite(fd, 'y', 0);
      expect(await fs.pread(fd, 5, 0)).toBe('y');
      await fs.close(fd);
    });

    nameless('a removed working directory is empty and takes nothing', async () => {
      const walker = stack.spawn();
      await walker.fs.mkdir('cwd');
      await walker.fs.chdir('cwd');
      await stack.fs.rmdir('cwd');
      expect(await walker.errno.put('x', '')).toBe('ENOENT');
      expect(await walker.errno.mkdir('x')).toBe('ENOENT');
      expect((await walker.fs.stat('.')).type).toBe('dir');
    });

    nameless('a removed directory of a lower layer cannot be changed', async () => {
      const { fs, errno } = stack;
      const fd = await fs.open('lower-dir', O_RDONLY);
      await fs.rmdir('lower-dir');
      const path = `/proc/self/fd/${fd}`;
      const said = [
        await errno.fchmod(fd, 0o700),
        await errno.chown(path, 0, 0, true),
        await errno.utimens(path, OLD_TIME, OLD_TIME, true),
        await errno.setxattr(path, 'user.x', 'y', 0, true),
        ...(target.traits.supports.tmpfile ? [await errno.open(path, O_TMPFILE | O_RDWR)] : []),
      ];
      for (const name of said) expect(['ENOENT', 'ENOTDIR']).toContain(name);
      expect(await fs.fstat(fd)).toMatchObject({ type: 'dir', mode: 0o755 });
      await fs.close(fd);
    });

    test('many unlinked files are open at once', async () => {
      const { fs } = stack;
      const handles: number[] = [];
      for (let at = 0; at < 100; at++) {
        const fd = await fs.open(`many-${at}`, O_RDWR | O_CREAT);
        await fs.write(fd, `content ${at}`);
        await fs.unlink(`many-${at}`);
        handles.push(fd);
      }
      for (const [at, fd] of handles.entries()) {
        expect(await fs.pread(fd, 30, 0)).toBe(`content ${at}`);
        await fs.close(fd);
      }
    });
  });
}
