/** open(2): every flag that has a meaning of its own. */
import {
  O_APPEND,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_TMPFILE,
  O_TRUNC,
  O_WRONLY,
} from '../../lib/vfs/flags';
import { dir, file, OLD_TIME, symlink, whiteout } from '../support/layers';
import { useStack } from '../support/stack';
import type { Target } from '../support/targets';

export function openSuite(target: Target): void {
  const withTmpfile = target.traits.supports.tmpfile ? test : test.skip;

  describe('create and open', () => {
    const stack = useStack(target, {
      upper: { 'was-deleted': whiteout() },
      lowers: [
        {
          lower: file('lower'),
          'to-truncate': file('0123456789'),
          'to-append': file('0123456789'),
          'to-write': file('0123456789'),
          'to-read': file('0123456789'),
          'was-deleted': file('old content'),
          pointer: symlink('lower'),
          'pointer-to-new': symlink('made-through-link'),
          folder: dir(),
          'folder/inner': file(),
        },
      ],
    });

    test('O_CREAT makes a file with the mode given, less the umask', async () => {
      const { fs } = stack;
      await fs.umask(0o027);
      await fs.close(await fs.open('masked', O_CREAT | O_WRONLY, 0o666));
      await fs.umask(0);
      expect(await fs.stat('masked')).toMatchObject({ mode: 0o640, size: 0, nlink: 1 });
    });

    test('a handle may write what its mode forbids later opens', async () => {
      const { fs } = stack;
      const fd = await fs.open('write-only-once', O_CREAT | O_RDWR, 0o444);
      await fs.write(fd, 'data');
      expect(await fs.pread(fd, 10, 0)).toBe('data');
      await fs.close(fd);
    });

    test('O_CREAT opens what exists, in any layer', async () => {
      const { fs } = stack;
      const fd = await fs.open('lower', O_CREAT | O_RDONLY);
      expect(await fs.read(fd, 10)).toBe('lower');
      await fs.close(fd);
    });

    test('O_EXCL refuses what exists, also a symlink to nowhere', async () => {
      const { errno } = stack;
      const flags = O_CREAT | O_EXCL | O_WRONLY;
      expect(await errno.open('lower', flags)).toBe('EEXIST');
      expect(await errno.open('pointer-to-new', flags)).toBe('EEXIST');
      expect(await errno.open('folder', flags)).toBe('EEXIST');
      expect(await errno.open('exclusive', flags)).toBe('OK');
      expect(await errno.open('exclusive', flags)).toBe('EEXIST');
    });

    test('a deleted name can be created again, empty, and stays so', async () => {
      const { fs, errno } = stack;
      expect(await errno.open('was-deleted', O_CREAT | O_EXCL | O_WRONLY)).toBe('OK');
      expect(await fs.get('was-deleted')).toBe('');
      await stack.remount();
      expect(await stack.fs.get('was-deleted')).toBe('');
    });

    test('creating through a symlink creates its target', async () => {
      const { fs } = stack;
      await fs.put('pointer-to-new', 'x');
      expect(await fs.get('made-through-link')).toBe('x');
    });

    test('O_TRUNC empties a lower file in the upper layer', async () => {
      const { fs } = stack;
      const before = await fs.stat('to-truncate');
      const fd = await fs.open('to-truncate', O_WRONLY | O_TRUNC);
      expect((await fs.fstat(fd)).size).toBe(0);
      await fs.write(fd, 'new');
      await fs.close(fd);
      const after = await fs.stat('to-truncate');
      expect(after).toMatchObject({ size: 3, ino: before.ino });
      expect(after.mtime > before.mtime).toBe(true);
      expect(await stack.layers.fs.get('upper/to-truncate')).toBe('new');
    });

    test('O_TRUNC of an empty file still renews its times', async () => {
      const { fs } = stack;
      await fs.put('empty', '');
      await fs.utimens('empty', OLD_TIME, OLD_TIME);
      await fs.close(await fs.open('empty', O_WRONLY | O_TRUNC));
      expect((await fs.stat('empty')).mtime > OLD_TIME).toBe(true);
    });

    test('O_APPEND writes at the end, wherever the handle stands', async () => {
      const { fs } = stack;
      const fd = await fs.open('to-append', O_RDWR | O_APPEND);
      const other = await fs.open('to-append', O_WRONLY | O_APPEND);
      await fs.write(fd, 'a');
      await fs.write(other, 'b');
      await fs.lseek(fd, 0, 0);
      await fs.write(fd, 'c');
      expect(await fs.get('to-append')).toBe('0123456789abc');
      await fs.close(fd);
      await fs.close(other);
    });

    test('opening for writing without writing changes no content and no time', async () => {
      const { fs } = stack;
      const before = await fs.stat('to-write');
      await fs.close(await fs.open('to-write', O_RDWR));
      expect(await fs.stat('to-write')).toMatchObject({ mtime: before.mtime, size: 10, ino: before.ino });
      expect(await fs.get('to-write')).toBe('0123456789');
    });

    test('reading leaves the upper layer alone', async () => {
      const { fs } = stack;
      expect(await fs.get('to-read')).toBe('0123456789');
      expect(await stack.layers.errno.stat('upper/to-read')).toBe('ENOENT');
    });

    test('O_NOFOLLOW and O_DIRECTORY say what they meet', async () => {
      const { errno } = stack;
      expect(await errno.open('pointer', O_RDONLY | O_NOFOLLOW)).toBe('ELOOP');
      expect(await errno.open('lower', O_RDONLY | O_DIRECTORY)).toBe('ENOTDIR');
      expect(await errno.open('folder', O_RDONLY | O_DIRECTORY | O_NOFOLLOW)).toBe('OK');
      expect(await errno.open('folder', O_WRONLY)).toBe('EISDIR');
      expect(await errno.open('folder', O_RDWR | O_CREAT)).toBe('EISDIR');
      expect(await errno.open('absent', O_RDONLY)).toBe('ENOENT');
      expect(await errno.open('lower/x', O_RDONLY | O_CREAT)).toBe('ENOTDIR');
    });

    test('reads and writes are refused by handles that were not opened for them', async () => {
      const { fs, errno } = stack;
      const reader = await fs.open('lower', O_RDONLY);
      expect(await errno.write(reader, 'x')).toBe('EBADF');
      const pathOnly = await fs.open('lower', O_PATH);
      expect(await errno.read(pathOnly, 1)).toBe('EBADF');
      expect((await fs.fstat(pathOnly)).size).toBe(5);
      await fs.close(reader);
      await fs.close(pathOnly);
    });

    withTmpfile('O_TMPFILE makes a nameless file that can be given a name', async () => {
      const { fs, errno } = stack;
      const fd = await fs.open('folder', O_TMPFILE | O_RDWR, 0o640);
      await fs.write(fd, 'temporary');
      expect(await fs.fstat(fd)).toMatchObject({ nlink: 0, size: 9, mode: 0o640 });
      expect(await fs.names('folder')).toEqual(['inner']);
      await fs.linkfd(fd, 'folder/named');
      expect(await fs.get('folder/named')).toBe('temporary');
      expect((await fs.fstat(fd)).nlink).toBe(1);
      expect(await errno.linkfd(fd, 'lower')).toBe('EEXIST');
      await fs.close(fd);
      await stack.remount();
      expect(await stack.fs.get('folder/named')).toBe('temporary');
    });

    withTmpfile('O_TMPFILE that is never named leaves nothing', async () => {
      const { fs } = stack;
      const fd = await fs.open('.', O_TMPFILE | O_RDWR, 0o600);
      await fs.write(fd, 'x');
      const before = await fs.names('.');
      await fs.close(fd);
      expect(await fs.names('.')).toEqual(before);
    });
  });
}
