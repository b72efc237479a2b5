/** Extended attributes, and those of overlayfs that must not show. */
import { XATTR_CREATE, XATTR_REPLACE } from '../../lib/vfs/flags';
import { dir, file, OLD_TIME, opaqueDir, symlink } from '../support/layers';
import { shownTime } from '../support/shown-times';
import { useStack } from '../support/stack';
import type { Target } from '../support/targets';

export function xattrsSuite(target: Target): void {
  const shown = (time: string) => shownTime(target, time);
  const asRoot = target.traits.privileged ? test : test.skip;
  const space = target.traits.xattrs;

  describe('extended attributes', () => {
    const two = { xattrs: { 'user.one': '1', 'user.two': '\0\xff22' } };
    const stack = useStack(target, {
      upper: { opaque: opaqueDir({ xattrs: { 'user.kept': 'k' } }) },
      lowers: [
        {
          lower: file('x', two),
          folder: dir(two),
          'to-set': file('x', two),
          'to-remove': file('x', two),
          'to-remove-dir': dir(two),
          'to-append': file('x', two),
          link: symlink('lower'),
          'opaque/hidden': file(),
          'opaque-in-lower': opaqueDir({ xattrs: { 'user.kept': 'k' } }),
          sizes: file('x', { xattrs: { 'user.size': '12345' } }),
        },
        { 'opaque-in-lower/hidden': file() },
      ],
    });

    test('those of lower files and directories are read', async () => {
      const { fs, errno } = stack;
      for (const path of ['lower', 'folder']) {
        expect(await fs.listxattr(path)).toEqual(['user.one', 'user.two']);
        expect(await fs.getxattr(path, 'user.two')).toBe('\0\xff22');
        expect(await errno.getxattr(path, 'user.absent')).toBe('ENODATA');
      }
    });

    test('setting one copies the file up with all of them', async () => {
      const { fs } = stack;
      await fs.setxattr('to-set', 'user.three', '3');
      await fs.setxattr('to-set', 'user.one', 'changed');
      const expected = { 'user.one': 'changed', 'user.three': '3', 'user.two': '\0\xff22' };
      expect((await fs.snapshot('to-set'))['.']?.xattrs).toEqual(expected);
      expect(await fs.stat('to-set')).toMatchObject({ mtime: shown(OLD_TIME), size: 1 });
      await stack.remount();
      expect((await stack.fs.snapshot('to-set'))['.']?.xattrs).toEqual(expected);
    });

    test('removing takes away one only, and it stays away', async () => {
      const { fs, errno } = stack;
      for (const path of ['to-remove', 'to-remove-dir']) {
        await fs.removexattr(path, 'user.one');
        expect(await fs.listxattr(path)).toEqual(['user.two']);
        expect(await errno.removexattr(path, 'user.one')).toBe('ENODATA');
      }
      await stack.remount();
      expect(await stack.fs.listxattr('to-remove')).toEqual(['user.two']);
      expect(await stack.fs.listxattr('to-remove-dir')).toEqual(['user.two']);
    });

    test('removing what is not there copies nothing up', async () => {
      expect(await stack.errno.removexattr('lower', 'user.absent')).toBe('ENODATA');
      expect(await stack.layers.errno.stat('upper/lower')).toBe('ENOENT');
    });

    test('a copy-up by writing keeps them', async () => {
      const { fs } = stack;
      await fs.append('to-append', 'y');
      expect(await fs.listxattr('to-append')).toEqual(['user.one', 'user.two']);
      expect(await fs.getxattr('to-append', 'user.two')).toBe('\0\xff22');
    });

    test('XATTR_CREATE and XATTR_REPLACE', async () => {
      const { fs, errno } = stack;
      await fs.put('flags', '');
      expect(await errno.setxattr('flags', 'user.a', '1', XATTR_REPLACE)).toBe('ENODATA');
      expect(await errno.setxattr('flags', 'user.a', '1', XATTR_CREATE)).toBe('OK');
      expect(await errno.setxattr('flags', 'user.a', '2', XATTR_CREATE)).toBe('EEXIST');
      expect(await errno.setxattr('flags', 'user.a', '3', XATTR_REPLACE)).toBe('OK');
      expect(await fs.getxattr('flags', 'user.a')).toBe('3');
      expect(await errno.setxattr('folder', 'user.one', '2', XATTR_CREATE)).toBe('EEXIST');
    });

    test('a buffer of size 0 asks for the length, one too small is ERANGE', async () => {
      const { fs, errno } = stack;
      expect(await fs.getxattr_into('sizes', 'user.size', 0)).toBe(5);
      expect(await errno.getxattr_into('sizes', 'user.size', 4)).toBe('ERANGE');
      expect(await fs.getxattr_into('sizes', 'user.size', 5)).toBe(5);
      const length = 'user.size\0'.length;
      expect(await fs.listxattr_into('sizes', 0)).toBe(length);
      expect(await errno.listxattr_into('sizes', length - 1)).toBe('ERANGE');
      expect(await fs.listxattr_into('sizes', length)).toBe(length);
    });

    test('values may be empty, and as long as the upper layer takes', async () => {
      const { fs, errno, layers } = stack;
      await fs.put('values', '');
      await layers.fs.put('values', '');
      await fs.setxattr('values', 'user.empty', '');
      expect(await fs.getxattr('values', 'user.empty')).toBe('');
      for (const length of [1000, 4000, 65_536, 65_537]) {
        const value = 'v'.repeat(length);
        const outcome = await errno.setxattr('values', 'user.long', value);
        expect([length, outcome]).toEqual([
          length,
          await layers.errno.setxattr('values', 'user.long', value),
        ]);
        if (outcome === 'OK') expect(await fs.getxattr('values', 'user.long')).toBe(value);
      }
    });

    test('names: 255 bytes at most, in a known space', async () => {
      const { fs, errno } = stack;
      await fs.put('named', '');
      const longest = `user.${'n'.repeat(250)}`;
      await fs.setxattr('named', longest, 'x');
      expect(await fs.listxattr('named')).toEqual([longest]);
      expect(await errno.setxattr('named', `${longest}n`, 'x')).toBe('ERANGE');
      expect(await errno.setxattr('named', 'nospace', 'x')).toBe('EOPNOTSUPP');
      expect(await errno.setxattr('named', 'user.', 'x')).toBe('EINVAL');
    });

    test('user attributes are not for symlinks', async () => {
      const { fs, errno } = stack;
      expect(await errno.setxattr('link', 'user.x', 'x')).toBe('EPERM');
      expect(await fs.listxattr('link')).toEqual([]);
      expect(await fs.readlink('link')).toBe('lower');
    });

    asRoot('trusted and security attributes work for root', async () => {
      const { fs } = stack;
      for (const name of ['trusted.mine', 'security.mine', 'trusted.overlayish']) {
        await fs.setxattr('folder', name, 'v');
        expect(await fs.getxattr('folder', name)).toBe('v');
        expect(await fs.listxattr('folder')).toContain(name);
      }
      await fs.setxattr('link', 'trusted.mine', 'on a link');
      expect(await fs.getxattr('link', 'trusted.mine')).toBe('on a link');
      const other = stack.spawn({ uid: 1001, gid: 1001 });
      expect(await other.fs.listxattr('folder')).not.toContain('trusted.mine');
      expect(await other.errno.getxattr('folder', 'trusted.mine')).toBe('ENODATA');
      expect(await other.errno.setxattr('folder', 'trusted.mine', 'x')).toBe('EPERM');
      expect(await other.errno.setxattr('folder', 'user.mine', 'x')).toBe('EACCES');
    });

    test('the attributes that overlayfs keeps in the layers do not show', async () => {
      const { fs, errno } = stack;
      await fs.mkdir('opaque/new');
      for (const path of ['opaque', 'opaque-in-lower', '.', 'opaque/new']) {
        const names = await fs.listxattr(path);
        expect(names.filter((name) => name.startsWith(`${space}.overlay.`))).toEqual([]);
        expect(['ENODATA', 'EOPNOTSUPP']).toContain(await errno.getxattr(path, `${space}.overlay.opaque`));
      }
      expect(await fs.getxattr('opaque', 'user.kept')).toBe('k');
      expect(await fs.getxattr('opaque-in-lower', 'user.kept')).toBe('k');
      expect(await fs.names('opaque-in-lower')).toEqual([]);
    });

    test('an attribute set through the mount never acts as one of overlayfs', async () => {
      const { fs, errno } = stack;
      const before = await fs.names('folder');
      await fs.put('folder/child', 'x');
      await errno.setxattr('folder', `${space}.overlay.opaque`, 'y');
      await stack.remount();
      expect(await stack.fs.names('folder')).toEqual([...before, 'child']);
    });
  });
}
