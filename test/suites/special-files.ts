/** Fifos, sockets, devices and symlinks. */
import { O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } from '../../lib/vfs/flags';
import { device, dir, OLD_TIME, special, symlink } from '../support/layers';
import { shownTime } from '../support/shown-times';
import { useStack } from '../support/stack';
import type { Target } from '../support/targets';

export function specialFilesSuite(target: Target): void {
  const shown = (time: string) => shownTime(target, time);
  const asRoot = target.traits.privileged ? test : test.skip;

  describe('special files', () => {
    const stack = useStack(target, {
      lowers: [
        {
          fifo: special('fifo', { mode: 0o640 }),
          'fifo-to-change': special('fifo'),
          'fifo-to-link': special('fifo'),
          socket: special('socket'),
          link: symlink('../elsewhere'),
          open: dir({ mode: 0o777 }),
          ...(target.traits.privileged ? { null: device(1, 3, { mode: 0o666 }), zero: device(1, 5) } : {}),
        },
      ],
    });

    test('bytes go through a lower and a new fifo', async () => {
      const { fs } = stack;
      await fs.mknod('new-fifo', 'fifo', 0o600);
      for (const path of ['fifo', 'new-fifo']) {
        const fd = await fs.open(path, O_RDWR);
        await fs.write(fd, 'through');
        expect(await fs.read(fd, 20)).toBe('through');
        await fs.close(fd);
        expect(await stack.errno.open(path, O_WRONLY | O_NONBLOCK)).toBe('ENXIO');
      }
      expect(await fs.stat('new-fifo')).toMatchObject({ type: 'fifo', mode: 0o600 });
      expect(await stack.layers.errno.stat('upper/fifo')).toBe('ENOENT');
    });

    test('a fifo joins two processes', async () => {
      const { fs } = stack;
      const other = stack.spawn().fs;
      const reading = other.open('fifo', O_RDONLY);
      const writer = await fs.open('fifo', O_WRONLY);
      const reader = await reading;
      await fs.write(writer, 'hello');
      expect(await other.read(reader, 20)).toBe('hello');
      await fs.close(writer);
      await other.close(reader);
    });

    test('a fifo is copied up by its attributes and links', async () => {
      const { fs } = stack;
      await fs.chmod('fifo-to-change', 0o600);
      expect(await fs.stat('fifo-to-change')).toMatchObject({
        type: 'fifo',
        mode: 0o600,
        mtime: shown(OLD_TIME),
      });
      await fs.link('fifo-to-link', 'fifo-2');
      expect(await fs.stat('fifo-2')).toMatchObject({ type: 'fifo', nlink: 2 });
      await fs.rename('fifo-2', 'fifo-3');
      await stack.remount();
      expect((await stack.fs.stat('fifo-3')).type).toBe('fifo');
    });

    test('a socket is made, connected to and removed', async () => {
      const { fs, errno } = stack;
      await fs.listen('listening');
      expect((await fs.stat('listening')).type).toBe('socket');
      await fs.connect('listening');
      await stack.spawn().fs.connect('listening');
      expect(await errno.connect('socket')).toBe('ECONNREFUSED');
      expect(await errno.listen('socket')).toBe('EADDRINUSE');
      await fs.unlink('listening');
      expect(await errno.connect('listening')).toBe('ENOENT');
    });

    test('symlinks are made, read, listed with their size and removed', async () => {
      const { fs, errno } = stack;
      expect(await fs.readlink('link')).toBe('../elsewhere');
      await fs.symlink('a/b', 'new-link');
      expect(await fs.stat('new-link')).toMatchObject({ type: 'link', size: 3, mode: 0o777 });
      expect(await errno.symlink('x', 'new-link')).toBe('EEXIST');
      expect(await errno.readlink('fifo')).toBe('EINVAL');
      expect(await errno.symlink('', 'empty')).toBe('ENOENT');
      await fs.symlink('loop', 'loop');
      expect(await errno.open('loop', O_RDONLY)).toBe('ELOOP');
      await fs.unlink('link');
      expect(await errno.readlink('link')).toBe('ENOENT');
    });

    asRoot('device nodes keep their numbers and work', async () => {
      const { fs } = stack;
      expect(await fs.stat('null')).toMatchObject({ type: 'char', rdev: '1:3' });
      await fs.mknod('new-zero', 'char', 0o666, 1, 5);
      await fs.mknod('new-block', 'block', 0o600, 259, 300_000);
      expect(await fs.stat('new-block')).toMatchObject({ type: 'block', rdev: '259:300000' });
      for (const path of ['zero', 'new-zero']) {
        const fd = await fs.open(path, O_RDONLY);
        expect(await fs.read(fd, 4)).toBe('\0\0\0\0');
        await fs.close(fd);
      }
      await fs.chmod('null', 0o600);
      expect(await fs.stat('null')).toMatchObject({ type: 'char', rdev: '1:3', mode: 0o600 });
      const other = stack.spawn({ uid: 1001, gid: 1001 });
      expect(await other.errno.mknod('open/forbidden', 'char', 0o600, 1, 3)).toBe('EPERM');
    });

    test('a regular file can be made by mknod, a whiteout cannot', async () => {
      const { fs, errno } = stack;
      await fs.mknod('plain', 'file', 0o604);
      expect(await fs.stat('plain')).toMatchObject({ type: 'file', mode: 0o604, size: 0 });
      expect(await errno.mknod('whiteout', 'char', 0, 0, 0)).toBe('EPERM');
      expect(await errno.stat('whiteout')).toBe('ENOENT');
    });
  });
}
