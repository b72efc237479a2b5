/** What a name means: which layer it comes from, and what stat says about it. */
import { dir, file, OLD_TIME, opaqueDir, symlink, whiteout } from '../support/layers';
import { shownTime } from '../support/shown-times';
import { useStack } from '../support/stack';
import type { Target } from '../support/targets';

export function lookupSuite(target: Target): void {
  const shown = (time: string) => shownTime(target, time);
  describe('lookup and stat', () => {
    const owner = target.traits.privileged ? { uid: 12, gid: 34 } : {};
    const stack = useStack(target, {
      upper: {
        everywhere: file('upper'),
        'merged/in-upper': file('u'),
        'gone-in-upper': whiteout(),
        'opaque/in-upper': file('u'),
        opaque: opaqueDir(),
        'file-over-dir': file('file'),
        'dir-over-file': dir(),
      },
      lowers: [
        {
          everywhere: file('newest'),
          'in-lowers': file('newest'),
          'merged/in-newest': file('n'),
          'merged/both': file('newest'),
          'gone-in-newest': whiteout(),
          'back-again': file('back'),
          'reborn/fresh': file('fresh'),
          'opaque/in-newest': file('n'),
          attributes: file('12345', { mode: 0o4751, mtime: '1400000000.987654321', ...owner }),
          pointer: symlink('in-lowers', owner),
          dangling: symlink('nowhere'),
          'hidden-parent': whiteout(),
        },
        { 'back-again': whiteout(), reborn: whiteout(), 'merged/gone-in-middle': whiteout() },
        {
          everywhere: file('oldest'),
          'in-lowers': file('oldest'),
          'in-oldest': file('oldest'),
          'merged/in-oldest': file('o'),
          'merged/both': file('oldest'),
          'merged/gone-in-middle': file('o'),
          'gone-in-upper': file('o'),
          'gone-in-newest': file('o'),
          'back-again': file('o'),
          'reborn/stale': file('stale'),
          'opaque/in-oldest': file('o'),
          'file-over-dir/child': file('o'),
          'dir-over-file': file('o'),
          'hidden-parent/child': file('o'),
        },
      ],
    });

    test('a file handle that could not be kept is not given', async () => {
      const { passingHandles } = target.traits;
      for (const path of ['everywhere', 'in-lowers', 'merged']) {
        const outcome = await stack.errno.name_to_handle_at(path);
        expect([path, outcome]).toEqual([path, passingHandles ? 'OK' : 'EOPNOTSUPP']);
      }
    });

    test('the upper layer wins, then the newest lower layer', async () => {
      const { fs } = stack;
      expect(await fs.get('everywhere')).toBe('upper');
      expect(await fs.get('in-lowers')).toBe('newest');
      expect(await fs.get('in-oldest')).toBe('oldest');
    });

    test('directories merge and their names shadow each other', async () => {
      const { fs } = stack;
      expect(await fs.names('merged')).toEqual(['both', 'in-newest', 'in-oldest', 'in-upper']);
      expect(await fs.get('merged/both')).toBe('newest');
    });

    test.each([
      'gone-in-upper',
      'gone-in-newest',
      'hidden-parent',
      'hidden-parent/child',
      'merged/gone-in-middle',
    ])('the whiteout hides %s', async (path) => {
      expect(await stack.errno.stat(path)).toBe('ENOENT');
      expect(await stack.errno.open(path, 0)).toBe('ENOENT');
    });

    test('what lies above a whiteout is seen, what lies below is not', async () => {
      const { fs } = stack;
      expect(await fs.get('back-again')).toBe('back');
      expect(await fs.names('reborn')).toEqual(['fresh']);
      expect(await stack.errno.stat('reborn/stale')).toBe('ENOENT');
    });

    test('an opaque directory ends the merge', async () => {
      expect(await stack.fs.names('opaque')).toEqual(['in-upper']);
      expect(await stack.errno.stat('opaque/in-oldest')).toBe('ENOENT');
    });

    test('a file hides a directory below it, and a directory a file', async () => {
      const { fs, errno } = stack;
      expect(await fs.get('file-over-dir')).toBe('file');
      expect(await errno.stat('file-over-dir/child')).toBe('ENOTDIR');
      expect(await fs.names('dir-over-file')).toEqual([]);
    });

    test('the top lists every visible name once', async () => {
      expect(await stack.fs.names('.')).toEqual([
        'attributes',
        'back-again',
        'dangling',
        'dir-over-file',
        'everywhere',
        'file-over-dir',
        'in-lowers',
        'in-oldest',
        'merged',
        'opaque',
        'pointer',
        'reborn',
      ]);
    });

    test('stat gives every attribute of the layer file', async () => {
      expect(await stack.fs.stat('attributes')).toMatchObject({
        type: 'file',
        mode: 0o4751,
        nlink: 1,
        uid: owner.uid ?? 0,
        gid: owner.gid ?? 0,
        size: 5,
        mtime: shown('1400000000.987654321'),
      });
    });

    test('stat gives every attribute of a symlink', async () => {
      const { fs } = stack;
      const found = await fs.stat('pointer');
      expect(found).toMatchObject({
        type: 'link',
        mode: 0o777,
        size: 9,
        uid: owner.uid ?? 0,
        mtime: shown(OLD_TIME),
      });
      expect(await fs.readlink('pointer')).toBe('in-lowers');
      expect(await fs.get('pointer')).toBe('newest');
      expect(await stack.errno.stat('dangling', true)).toBe('ENOENT');
    });

    test('statx gives a birth time', async () => {
      const layer = await stack.layers.fs.btime('0/attributes');
      expect(await stack.fs.btime('attributes')).toBe(target.traits.supports.btime ? layer : null);
    });

    test('a name that was absent is seen once it exists, and again when it is gone', async () => {
      const { fs, errno } = stack;
      expect(await errno.stat('later')).toBe('ENOENT');
      await fs.put('later', 'x');
      expect(await fs.get('later')).toBe('x');
      await fs.unlink('later');
      expect(await errno.stat('later')).toBe('ENOENT');
    });

    test('a path through a file is ENOTDIR, through nothing ENOENT', async () => {
      const { errno } = stack;
      expect(await errno.stat('in-oldest/x')).toBe('ENOTDIR');
      expect(await errno.stat('nowhere/x')).toBe('ENOENT');
      expect(await errno.stat('in-oldest/')).toBe('ENOTDIR');
    });

    test('every file of the mount has the same st_dev and its own st_ino', async () => {
      const { fs } = stack;
      const tree = await fs.snapshot('.', ['ino']);
      const numbers = Object.values(tree).map((entry) => entry.ino);
      expect(new Set(numbers).size).toBe(numbers.length);
    });
  });

  describe('directories that were renamed elsewhere', () => {
    const space = `${target.traits.xattrs}.overlay`;
    const impure = { xattrs: { [`${space}.impure`]: 'y' } };
    const redirect = { xattrs: { [`${space}.redirect`]: 'old' } };
    const stack = useStack(target, {
      upper: { 'under-upper/in-upper': file() },
      lowers: [
        {
          '.': dir(impure),
          renamed: dir(redirect),
          'renamed/own': file(),
          'under-upper': dir(redirect),
          opaque: opaqueDir(redirect),
          'opaque/own': file(),
          'alone/impure': dir(impure),
          'alone/impure/renamed': dir(redirect),
          'without-mark/renamed': dir(redirect),
          'without-mark/renamed/own': file(),
        },
        { 'old/f': file('f'), 'opaque/hidden': file(), 'without-mark/f': file() },
      ],
    });

    test('are not followed where no mark of their parent tells of them', async () => {
      const { fs, errno } = stack;
      expect(await errno.stat('without-mark/renamed')).toBe('EPERM');
      expect(await errno.stat('without-mark/renamed/own')).toBe('EPERM');
      expect(await fs.names('without-mark')).toEqual(['f', 'renamed']);
    });

    test('are not followed', async () => {
      const { fs, errno } = stack;
      for (const path of ['renamed', 'renamed/own', 'under-upper', 'under-upper/in-upper']) {
        expect([path, await errno.stat(path)]).toEqual([path, 'EPERM']);
      }
      expect(await errno.names('renamed')).toBe('EPERM');
      expect(await fs.names('.')).toContain('renamed');
    });

    test('are shown where nothing else can be meant', async () => {
      const { fs } = stack;
      expect(await fs.names('opaque')).toEqual(['own']);
      expect(await fs.names('alone/impure')).toEqual(['renamed']);
      expect(await fs.names('alone/impure/renamed')).toEqual([]);
    });
  });

  describe('files whose data is elsewhere', () => {
    const metacopy = (content: string) =>
      file(content, { xattrs: { [`${target.traits.xattrs}.overlay.metacopy`]: '' } });
    const stack = useStack(target, {
      upper: { 'written/in-upper': metacopy('\0\0\0') },
      lowers: [
        { 'd/top': metacopy('\0\0\0'), 'd/plain': file('own') },
        { 'd/top': file('old'), 'd/bottom': metacopy('\0\0\0'), 'written/in-upper': file('old') },
      ],
    });

    test('are refused, whatever lies around them', async () => {
      const { fs, errno } = stack;
      for (const path of ['d/top', 'd/bottom', 'written/in-upper']) {
        expect([path, await errno.stat(path)]).toEqual([path, 'EPERM']);
        expect([path, await errno.get(path)]).toEqual([path, 'EPERM']);
      }
      expect(await fs.names('d')).toEqual(['bottom', 'plain', 'top']);
      expect(await fs.get('d/plain')).toBe('own');
    });
  });
}
