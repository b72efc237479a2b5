/** Hard links, and counts of them. */
import { O_RDWR } from '../../lib/vfs/flags';
import { dir, file, hardlink, symlink } from '../support/layers';
import { useStack } from '../support/stack';
import type { Target } from '../support/targets';

export function linksSuite(target: Target): void {
  describe('hard links', () => {
    const stack = useStack(target, {
      upper: { 'upper-a': file('upper'), 'upper-b': hardlink('upper-a') },
      lowers: [
        {
          lower: file('lower'),
          'lower-link': symlink('lower'),
          folder: dir(),
          'twin-a': file('twin'),
          'twin-b': hardlink('twin-a'),
          'in/dir/file': file('x'),
        },
      ],
    });

    test('links in the upper layer are one file', async () => {
      const { fs } = stack;
      const [a, b] = [await fs.stat('upper-a'), await fs.stat('upper-b')];
      expect(a).toEqual(b);
      expect(a.nlink).toBe(2);
      await fs.append('upper-a', '+');
      expect(await fs.get('upper-b')).toBe('upper+');
      await fs.chmod('upper-b', 0o600);
      expect((await fs.stat('upper-a')).mode).toBe(0o600);
    });

    test('a new link shares everything, and counts', async () => {
      const { fs } = stack;
      await fs.put('one', 'shared');
      await fs.mkdir('elsewhere');
      await fs.link('one', 'elsewhere/two');
      expect(await fs.stat('elsewhere/two')).toEqual(await fs.stat('one'));
      expect((await fs.stat('one')).nlink).toBe(2);
      const fd = await fs.open('one', O_RDWR);
      await fs.pwrite(fd, 'SH', 0);
      expect(await fs.get('elsewhere/two')).toBe('SHared');
      await fs.unlink('one');
      expect((await fs.fstat(fd)).nlink).toBe(1);
      await fs.pwrite(fd, 'AR', 2);
      await fs.close(fd);
      expect(await fs.get('elsewhere/two')).toBe('SHARed');
      expect((await fs.stat('elsewhere/two')).nlink).toBe(1);
      await stack.remount();
      expect(await stack.fs.get('elsewhere/two')).toBe('SHARed');
    });

    test('linking a lower file copies it up and keeps its number', async () => {
      const { fs } = stack;
      const before = await fs.stat('lower');
      await fs.link('lower', 'lower-2');
      const [first, second] = [await fs.stat('lower'), await fs.stat('lower-2')];
      expect(first).toMatchObject({ ino: before.ino, nlink: 2, mtime: before.mtime });
      if (target.traits.linksShareNumber) expect(second.ino).toBe(first.ino);
      await fs.append('lower', '+');
      expect(await fs.get('lower-2')).toBe('lower+');
      await stack.remount();
      await stack.fs.append('lower-2', '+');
      expect(await stack.fs.get('lower')).toBe('lower++');
    });

    test('a link of a symlink is a symlink', async () => {
      const { fs } = stack;
      await fs.link('lower-link', 'link-2');
      expect(await fs.readlink('link-2')).toBe('lower');
    });

    test('links below a lower directory', async () => {
      const { fs } = stack;
      await fs.link('in/dir/file', 'in/dir/again');
      await fs.link('in/dir/file', 'in/outside');
      expect((await fs.stat('in/dir/file')).nlink).toBe(3);
      await fs.unlink('in/dir/file');
      expect(await fs.get('in/outside')).toBe('x');
      expect((await fs.stat('in/dir/again')).nlink).toBe(2);
    });

    test('what cannot be linked', async () => {
      const { errno } = stack;
      expect(await errno.link('folder', 'folder-2')).toBe('EPERM');
      expect(await errno.link('lower', 'folder')).toBe('EEXIST');
      expect(await errno.link('absent', 'x')).toBe('ENOENT');
      expect(await errno.link('lower', 'absent/x')).toBe('ENOENT');
      expect(await errno.link('lower', 'lower')).toBe('EEXIST');
    });

    test('links of a lower file are read as one file', async () => {
      const { fs } = stack;
      expect(await fs.get('twin-b')).toBe('twin');
      expect((await fs.stat('twin-a')).nlink).toBe(2);
      await fs.unlink('twin-a');
      expect(await fs.get('twin-b')).toBe('twin');
    });

    test('renaming one link over another of the same file does nothing', async () => {
      const { fs } = stack;
      await fs.put('same-a', 'x');
      await fs.link('same-a', 'same-b');
      await fs.rename('same-a', 'same-b');
      expect((await fs.stat('same-a')).nlink).toBe(2);
    });
  });
}
