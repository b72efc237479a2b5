/** rename(2) and renameat2(2): every kind of source onto every kind of target. */
import { RENAME_EXCHANGE, RENAME_NOREPLACE, RENAME_WHITEOUT } from '../../lib/vfs/flags';
import { dir, type Entry, file, type Layer, symlink, whiteout } from '../support/layers';
import { useStack } from '../support/stack';
import type { Target } from '../support/targets';

/** What can be at a name: in the upper layer and in the lower one. */
const KINDS: Record<
  string,
  { upper?: Entry; lower?: Entry; isDir?: boolean; isLowerDir?: boolean; full?: boolean }
> = {
  'lower-file': { lower: file('lower') },
  'upper-file': { upper: file('upper') },
  'both-file': { upper: file('upper'), lower: file('lower') },
  'lower-link': { lower: symlink('points') },
  'upper-dir': { upper: dir(), isDir: true },
  'full-upper-dir': { upper: dir(), isDir: true, full: true },
  'lower-dir': { lower: dir(), isDir: true, isLowerDir: true },
  'full-lower-dir': { lower: dir(), isDir: true, isLowerDir: true, full: true },
  absent: {},
  whiteout: { upper: whiteout(), lower: file('deleted') },
  'whiteout-of-dir': { upper: whiteout(), lower: dir() },
};

const kinds = Object.keys(KINDS);
const flavours = { plain: 0, noreplace: RENAME_NOREPLACE, exchange: RENAME_EXCHANGE };
type Flavour = keyof typeof flavours;

const cases = (Object.keys(flavours) as Flavour[]).flatMap((flavour) =>
  kinds.flatMap((from) => kinds.map((to): [Flavour, string, string] => [flavour, from, to])),
);

const exists = (kind: string) =>
  Boolean(KINDS[kind]!.upper ?? KINDS[kind]!.lower) && !kind.startsWith('whiteout');

function expected(flavour: Flavour, from: string, to: string, flags: boolean): string {
  const [source, target] = [KINDS[from]!, KINDS[to]!];
  if (!exists(from)) return 'ENOENT';
  if (flavour === 'noreplace' && exists(to)) return 'EEXIST';
  if (flavour === 'exchange' && !exists(to)) return 'ENOENT';
  if (flavour !== 'plain' && !flags) return 'EINVAL';
  if (flavour !== 'exchange' && exists(to)) {
    if (source.isDir && !target.isDir) return 'ENOTDIR';
    if (!source.isDir && target.isDir) return 'EISDIR';
  }
  if (source.isLowerDir) return 'EXDEV';
  if (flavour === 'exchange' && target.isLowerDir) return 'EXDEV';
  if (flavour === 'plain' && target.full) return 'ENOTEMPTY';
  return 'OK';
}

function layerOf(which: 'upper' | 'lower'): Layer {
  const layer: Record<string, Entry> = {};
  const add = (path: string, kind: string) => {
    const entry = KINDS[kind]![which];
    if (!entry) return;
    layer[path] = entry;
    if (KINDS[kind]!.full) layer[`${path}/child`] = file('child');
  };
  for (const [flavour, from, to] of cases) {
    add(`${flavour}/${from}-to-${to}/source`, from);
    add(`${flavour}/${from}-to-${to}/target`, to);
  }
  return layer;
}

export function renameSuite(target: Target): void {
  describe('rename', () => {
    const stack = useStack(target, {
      upper: layerOf('upper'),
      lowers: [
        layerOf('lower'),
        Object.fromEntries(cases.map(([flavour, from, to]) => [`${flavour}/${from}-to-${to}`, dir()])),
      ],
    });

    test.each(cases)('%s: %s onto %s', async (flavour, from, to) => {
      const { fs, errno } = stack;
      const top = `${flavour}/${from}-to-${to}`;
      const before = await fs.snapshot(top, ['mtime', 'ino']);
      const outcome = await errno.rename(`${top}/source`, `${top}/target`, flavours[flavour]);
      expect(outcome).toBe(expected(flavour, from, to, target.traits.supports.renameFlags));
      const after = await fs.snapshot(top, ['mtime', 'ino']);
      if (outcome !== 'OK') return expect(named(after, '')).toEqual(named(before, ''));
      expect(named(after, 'target')).toEqual(named(before, 'source'));
      expect(named(after, 'source')).toEqual(flavour === 'exchange' ? named(before, 'target') : {});
    });

    test('all of it is the same after a remount', async () => {
      const before = await stack.fs.snapshot('.', ['mtime']);
      await stack.remount();
      const after = await stack.fs.snapshot('.', ['mtime']);
      expect(after).toEqual(before);
    });
  });

  describe('rename further', () => {
    const stack = useStack(target, {
      lowers: [
        {
          'a/file': file('a'),
          'b/c/deep': file('deep'),
          'lower-dir/child': file('x'),
          'open-me': file('open'),
          'to-hide': file('hidden'),
          'twice/over': file('1'),
          'overlap/name': file('lower'),
        },
      ],
    });

    test('between directories, copying up both', async () => {
      const { fs, errno } = stack;
      await fs.rename('a/file', 'b/c/file');
      expect(await fs.get('b/c/file')).toBe('a');
      expect(await errno.stat('a/file')).toBe('ENOENT');
      await stack.remount();
      expect(await stack.fs.names('b/c')).toEqual(['deep', 'file']);
      expect(await stack.fs.names('a')).toEqual([]);
    });

    test('a lower directory answers EXDEV, and mv then copies it', async () => {
      const { fs, errno } = stack;
      expect(await errno.rename('lower-dir', 'moved-dir')).toBe('EXDEV');
      expect(await fs.run(['mv', 'lower-dir', 'moved-dir'])).toMatchObject({ status: 0, err: '' });
      expect(await fs.get('moved-dir/child')).toBe('x');
      await stack.remount();
      expect(await stack.errno.stat('lower-dir')).toBe('ENOENT');
      expect(await stack.fs.get('moved-dir/child')).toBe('x');
    });

    test('into itself or its own child', async () => {
      const { fs, errno } = stack;
      await fs.mkdir('own');
      await fs.mkdir('own/child');
      expect(await errno.rename('own', 'own/child/grandchild')).toBe('EINVAL');
      expect(await errno.rename('own/child', 'own')).toBe('ENOTEMPTY');
      expect(await errno.rename('own', 'own')).toBe('OK');
    });

    test('a directory with its children moves and can move on', async () => {
      const { fs } = stack;
      await fs.mkdir('tree');
      await fs.mkdir('tree/branch');
      await fs.put('tree/branch/leaf', 'leaf');
      const fd = await fs.open('tree/branch/leaf', 2);
      await fs.rename('tree', 'b/tree');
      await fs.rename('b/tree/branch', 'branch');
      await fs.pwrite(fd, 'LE', 0);
      await fs.close(fd);
      expect(await fs.get('branch/leaf')).toBe('LEaf');
      await fs.rename('branch', 'b/tree/branch');
      await stack.remount();
      expect(await stack.fs.get('b/tree/branch/leaf')).toBe('LEaf');
    });

    test('a directory moved over a deleted lower name does not merge with it', async () => {
      const { fs } = stack;
      await fs.mkdir('fresh');
      await fs.put('fresh/new', 'n');
      await fs.run(['rm', '-r', 'twice']);
      await fs.rename('fresh', 'twice');
      expect(await fs.names('twice')).toEqual(['new']);
      await stack.remount();
      expect(await stack.fs.names('twice')).toEqual(['new']);
    });

    test('a new directory moved into a merged one merges with nothing', async () => {
      const { fs } = stack;
      await fs.unlink('overlap/name');
      await fs.mkdir('plain');
      await fs.put('plain/inner', 'i');
      await fs.rename('plain', 'overlap/name');
      await stack.remount();
      expect(await stack.fs.names('overlap/name')).toEqual(['inner']);
    });

    test('open handles follow a renamed and a replaced file', async () => {
      const { fs } = stack;
      const fd = await fs.open('open-me', 2);
      await fs.rename('open-me', 'opened');
      await fs.pwrite(fd, 'OP', 0);
      expect(await fs.get('opened')).toBe('OPen');
      await fs.put('other', 'other');
      await fs.rename('other', 'opened');
      expect(await fs.pread(fd, 10, 0)).toBe('OPen');
      expect((await fs.fstat(fd)).nlink).toBe(0);
      await fs.close(fd);
      expect(await fs.get('opened')).toBe('other');
    });

    test('RENAME_WHITEOUT and mixed flags are EINVAL', async () => {
      const { errno } = stack;
      expect(await errno.rename('to-hide', 'x', RENAME_WHITEOUT)).toBe('EINVAL');
      expect(await errno.rename('to-hide', 'x', RENAME_NOREPLACE | RENAME_EXCHANGE)).toBe('EINVAL');
      expect(await errno.rename('to-hide', 'x', 64)).toBe('EINVAL');
    });

    test('times: the file keeps its own, the directories change theirs', async () => {
      const { fs } = stack;
      const [file, parent] = [await fs.stat('to-hide'), await fs.stat('.')];
      await fs.rename('to-hide', 'shown');
      expect(await fs.stat('shown')).toMatchObject({ mtime: file.mtime, ino: file.ino });
      expect((await fs.stat('.')).mtime > parent.mtime).toBe(true);
    });
  });
}

/** What lies at a name of a snapshot of its directory, by path below that name. */
function named(tree: Record<string, unknown>, name: string): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(tree)
      .filter(([path]) => path !== '.' && path.split('/').includes(name || path.split('/')[0]!))
      .map(([path, entry]) => [path.slice(name.length), entry]),
  );
}
