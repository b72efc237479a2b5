/** What chattr(1) protects: immutable and append-only files and directories, of layers and of the upper one. */
import { dir, file } from '../support/layers';
import { useStack } from '../support/stack';
import type { Target } from '../support/targets';

export function protectionSuite(target: Target): void {
  if (!target.traits.privileged) return;
  const chattr = target.traits.supports.ioctl ? test : test.skip;

  describe('protected files', () => {
    const immutable = file('fixed', { flags: 'i' });
    const appendOnly = file('log', { flags: 'a' });
    const stack = useStack(target, {
      upper: { 'upper-fixed': immutable, 'upper-log': appendOnly, 'upper-dir': dir({ flags: 'i' }) },
      lowers: [
        {
          fixed: immutable,
          log: appendOnly,
          unlocked: immutable,
          dir: dir({ flags: 'i' }),
          'dir/f': file(),
          'dir/d': dir(),
          'growing-dir': dir({ flags: 'a' }),
          'growing-dir/f': file(),
          other: file(),
        },
      ],
    });

    /** What may be done with neither kind. */
    async function refusals(path: string): Promise<string[]> {
      const { errno } = stack;
      return [
        await errno.put_at(path, 'X', 0),
        await errno.put(path, 'X'),
        await errno.truncate(path, 0),
        await errno.truncate(path, 100),
        await errno.chmod(path, 0o600),
        await errno.chown(path, 7, 7),
        await errno.utimens(path, '1.000000000', '1.000000000'),
        await errno.setxattr(path, 'user.x', 'y'),
        await errno.removexattr(path, 'user.x'),
        await errno.link(path, 'link'),
        await errno.rename(path, 'renamed'),
        await errno.rename('other', path),
        await errno.unlink(path),
      ];
    }

    test.each(['fixed', 'upper-fixed'])('nothing about immutable %s changes', async (path) => {
      const { fs, errno } = stack;
      const before = await fs.stat(path);
      expect(new Set(await refusals(path))).toEqual(new Set(['EPERM']));
      expect(await errno.append(path, '+')).toBe('EPERM');
      expect(await errno.utimens(path, 'now', 'now')).toBe('EPERM');
      expect(await fs.get(path)).toBe('fixed');
      expect(await fs.stat(path)).toEqual({ ...before, atime: expect.anything() });
    });

    test.each(['log', 'upper-log'])('append-only %s grows, before and after a remount', async (path) => {
      expect(new Set(await refusals(path))).toEqual(new Set(['EPERM']));
      await stack.fs.append(path, '+1');
      await stack.fs.utimens(path, 'now', 'now');
      expect(new Set(await refusals(path))).toEqual(new Set(['EPERM']));
      await stack.remount();
      expect(new Set(await refusals(path))).toEqual(new Set(['EPERM']));
      await stack.fs.append(path, '+2');
      expect(await stack.fs.get(path)).toBe('log+1+2');
    });

    test.each(['dir', 'upper-dir'])('no name comes to immutable %s', async (path) => {
      const { errno } = stack;
      expect(await errno.put(`${path}/new`, '')).toBe('EPERM');
      expect(await errno.mkdir(`${path}/new`)).toBe('EPERM');
      expect(await errno.symlink('x', `${path}/new`)).toBe('EPERM');
      expect(await errno.link('other', `${path}/new`)).toBe('EPERM');
      expect(await errno.rename('other', `${path}/new`)).toBe('EPERM');
      expect(await errno.chmod(path, 0o700)).toBe('EPERM');
      expect(await errno.rmdir(path)).toBe('EPERM');
    });

    test('no name leaves an immutable or an append-only directory', async () => {
      const { fs, errno } = stack;
      for (const path of ['dir/f', 'growing-dir/f']) {
        expect(await errno.unlink(path)).toBe('EPERM');
        expect(await errno.rename(path, 'renamed')).toBe('EPERM');
        expect(await errno.rename('other', path)).toBe('EPERM');
      }
      expect(await errno.rmdir('dir/d')).toBe('EPERM');
      await fs.put('growing-dir/new', '');
      expect(await errno.unlink('growing-dir/new')).toBe('EPERM');
      await stack.remount();
      expect(await stack.errno.unlink('growing-dir/f')).toBe('EPERM');
      expect(await stack.fs.names('growing-dir')).toEqual(['f', 'new']);
    });

    chattr(
      'what is protected through the mount is so at once, and no longer when it is released',
      async () => {
        const { fs, errno } = stack;
        await fs.put('mine', 'fixed');
        for (const path of ['mine', 'unlocked']) {
          await fs.run(['chattr', '+i', path]);
          expect(new Set(await refusals(path))).toEqual(new Set(['EPERM']));
          expect(await fs.get(path)).toBe('fixed');
          expect((await fs.run(['chattr', '-i', path])).err).toBe('');
          await fs.put_at(path, 'F', 0);
          expect(await fs.get(path)).toBe('Fixed');
          await fs.run(['chattr', '+a', path]);
          expect(await errno.put_at(path, 'X', 0)).toBe('EPERM');
          await fs.append(path, '+');
          await fs.run(['chattr', '-a', path]);
          await fs.unlink(path);
        }
      },
    );
  });
}
