/** Deleting, and creating again what was deleted. */
import { dir, file, opaqueDir, symlink, whiteout } from '../support/layers';
import { useStack } from '../support/stack';
import type { Target } from '../support/targets';

export function removeSuite(target: Target): void {
  const opaque = `${target.traits.xattrs}.overlay.opaque`;

  describe('remove', () => {
    const stack = useStack(target, {
      upper: { 'merged/upper': file('u'), 'only-upper': file('u'), 'only-whiteouts/gone': whiteout() },
      lowers: [
        {
          lower: file('l'),
          link: symlink('lower'),
          'merged/lower': file('l'),
          'to-empty/a': file(),
          'to-empty/b/c': file(),
          'to-replace/old': file('old'),
          'to-replace/dir/older': file('old'),
          'dir-to-file/child': file(),
          'file-to-dir': file('x'),
          'only-whiteouts/gone': file(),
          'not-empty/child': file(),
          'recreate/a': file('lower a'),
          'recreate/sub/b': file('lower b'),
          'copied-up': file('l'),
          'bare-dir': dir(),
          'middle/here': file('here'),
          'opaque/seen': file('seen'),
          opaque: opaqueDir(),
        },
        { 'middle/below': file('below'), 'opaque/unseen': file('unseen'), 'merged/oldest': file('o') },
      ],
    });
    const isWhiteout = { type: 'char', rdev: '0:0' };

    test('a deleted lower file leaves a whiteout', async () => {
      const { fs, errno, layers } = stack;
      await fs.unlink('lower');
      expect(await errno.stat('lower')).toBe('ENOENT');
      expect(await errno.unlink('lower')).toBe('ENOENT');
      expect(await layers.fs.stat('upper/lower')).toMatchObject(isWhiteout);
      await stack.remount();
      expect(await stack.errno.stat('lower')).toBe('ENOENT');
      expect(await stack.fs.names('.')).not.toContain('lower');
      expect(await stack.fs.readlink('link')).toBe('lower');
    });

    test('a deleted upper file leaves nothing', async () => {
      const { fs, layers } = stack;
      await fs.unlink('only-upper');
      expect(await layers.errno.stat('upper/only-upper')).toBe('ENOENT');
    });

    test('a deleted copied-up file leaves a whiteout', async () => {
      const { fs, layers } = stack;
      await fs.append('copied-up', '+');
      await fs.unlink('copied-up');
      expect(await layers.fs.stat('upper/copied-up')).toMatchObject(isWhiteout);
      await fs.put('copied-up', 'new');
      expect(await fs.get('copied-up')).toBe('new');
      await fs.unlink('copied-up');
      expect(await layers.fs.stat('upper/copied-up')).toMatchObject(isWhiteout);
    });

    test('rmdir wants an empty directory, whichever layer its entries come from', async () => {
      const { errno } = stack;
      expect(await errno.rmdir('merged')).toBe('ENOTEMPTY');
      expect(await errno.rmdir('not-empty')).toBe('ENOTEMPTY');
      expect(await errno.rmdir('opaque')).toBe('ENOTEMPTY');
      expect(await errno.rmdir('link')).toBe('ENOTDIR');
      expect(await errno.unlink('merged')).toBe('EISDIR');
      expect(await errno.rmdir('absent')).toBe('ENOENT');
      expect(await errno.rmdir('merged/.')).toBe('EINVAL');
    });

    test('a directory of whiteouts only is empty', async () => {
      const { fs, errno, layers } = stack;
      expect(await fs.names('only-whiteouts')).toEqual([]);
      await fs.rmdir('only-whiteouts');
      expect(await errno.stat('only-whiteouts')).toBe('ENOENT');
      expect(await layers.fs.stat('upper/only-whiteouts')).toMatchObject(isWhiteout);
    });

    test('a merged directory can be emptied and removed', async () => {
      const { fs, errno, layers } = stack;
      for (const path of ['to-empty/a', 'to-empty/b/c']) await fs.unlink(path);
      await fs.rmdir('to-empty/b');
      await fs.rmdir('to-empty');
      expect(await errno.stat('to-empty')).toBe('ENOENT');
      expect(await layers.fs.stat('upper/to-empty')).toMatchObject(isWhiteout);
      await stack.remount();
      expect(await stack.errno.stat('to-empty')).toBe('ENOENT');
    });

    test('a lower directory without entries is removed', async () => {
      await stack.fs.rmdir('bare-dir');
      expect(await stack.errno.stat('bare-dir')).toBe('ENOENT');
    });

    test('a directory made where one was deleted shows nothing of the old one', async () => {
      const { fs, errno, layers } = stack;
      await fs.run(['rm', '-r', 'recreate']);
      await fs.mkdir('recreate', 0o700);
      expect(await fs.names('recreate')).toEqual([]);
      expect(await errno.stat('recreate/a')).toBe('ENOENT');
      expect(await layers.fs.getxattr('upper/recreate', opaque)).toBe('y');
      await fs.mkdir('recreate/sub');
      await fs.put('recreate/sub/new', 'n');
      await stack.remount();
      expect(await stack.fs.names('recreate')).toEqual(['sub']);
      expect(await stack.fs.names('recreate/sub')).toEqual(['new']);
      expect((await stack.fs.stat('recreate')).mode).toBe(0o700);
    });

    test('a file takes a deleted directory’s place and a directory a file’s', async () => {
      const { fs } = stack;
      await fs.run(['rm', '-r', 'dir-to-file']);
      await fs.put('dir-to-file', 'a file now');
      await fs.unlink('file-to-dir');
      await fs.mkdir('file-to-dir');
      await fs.put('file-to-dir/child', 'a child');
      await stack.remount();
      expect(await stack.fs.get('dir-to-file')).toBe('a file now');
      expect(await stack.fs.get('file-to-dir/child')).toBe('a child');
    });

    test('a symlink or a special file takes a deleted file’s place', async () => {
      const { fs } = stack;
      await fs.run(['rm', '-r', 'to-replace/dir']);
      await fs.unlink('to-replace/old');
      await fs.symlink('somewhere', 'to-replace/old');
      await fs.mknod('to-replace/dir', 'fifo');
      expect(await fs.readlink('to-replace/old')).toBe('somewhere');
      await stack.remount();
      expect((await stack.fs.stat('to-replace/dir')).type).toBe('fifo');
    });

    test('deleting the newest lower file does not bring back an older one', async () => {
      const { fs, errno } = stack;
      await fs.unlink('merged/lower');
      await fs.unlink('merged/oldest');
      await fs.unlink('merged/upper');
      expect(await fs.names('merged')).toEqual([]);
      expect(await errno.rmdir('merged')).toBe('OK');
      await fs.mkdir('merged');
      expect(await fs.names('merged')).toEqual([]);
    });

    test('rm -r of everything leaves an empty top', async () => {
      const { fs } = stack;
      const removed = await fs.run(['sh', '-c', 'rm -r ./*']);
      expect(removed).toMatchObject({ status: 0, err: '' });
      expect(await fs.names('.')).toEqual([]);
      await stack.remount();
      expect(await stack.fs.names('.')).toEqual([]);
    });
  });
}
