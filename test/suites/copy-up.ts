/** What copying a file up keeps, and who notices. */
import { O_RDWR, O_WRONLY } from '../../lib/vfs/flags';
import { bigFile, dir, type Entry, file, OLD_TIME, sparseFile, symlink } from '../support/layers';
import { shownTime } from '../support/shown-times';
import { useStack } from '../support/stack';
import type { Target } from '../support/targets';

const SPARSE_SIZE = 2 ** 20 * 64;
/** Takes long enough to copy to be interrupted. */
const BIG = 2 ** 20 * 128;
/** The kernel's overlayfs fills up holes to whole chunks of this size. */
const COPY_CHUNK = 2 ** 20;

export function copyUpSuite(target: Target): void {
  const shown = (time: string) => shownTime(target, time);
  const owner = target.traits.privileged ? { uid: 1001, gid: 1002 } : {};
  const old = '1300000000.000000007';
  const tagged = { mode: 0o640, xattrs: { 'user.tag': 't' }, mtime: old, ...owner };
  const triggers = [
    'append',
    'chmod',
    'utimens',
    'setxattr',
    'link',
    'rename',
    'truncate',
    'open-for-writing',
  ];

  describe('copy-up', () => {
    const stack = useStack(target, {
      lowers: [
        {
          ...Object.fromEntries(
            triggers.map((how): [string, Entry] => [`one/two/${how}`, file('content', tagged)]),
          ),
          one: dir({ ...tagged, mode: 0o751 }),
          'one/two': dir({ ...tagged, mode: 0o2755 }),
          'ino-of-many/a': file('a'),
          'ino-of-many/b': dir(),
          'ino-of-many/c': symlink('x'),
          dir: dir({ ...tagged, mode: 0o2755 }),
          'dir/child': file(),
          big: file('0123456789abcdef'.repeat(2 ** 16)),
          link: symlink('target', owner),
          'set-user': file('content', { mode: 0o4755 }),
          'set-group': file('content', { mode: 0o2755 }),
          'set-user-big': bigFile(2 ** 20, { mode: 0o4711 }),
        },
      ],
    });

    test.each([
      ['set-user', 0o4755],
      ['set-group', 0o2755],
      ['set-user-big', 0o4711],
    ])('the copy of %s has its set-ID bits', async (path, mode) => {
      const { fs, layers } = stack;
      await fs.utimens(path, old, old);
      expect((await layers.fs.stat(`upper/${path}`)).mode).toBe(mode);
      expect((await fs.stat(path)).mode).toBe(mode);
    });

    test.each(triggers)('%s keeps all else of the file and its parents', async (how) => {
      const { fs, layers } = stack;
      const path = `one/two/${how}`;
      const before = await fs.stat(path);
      const [one, two] = [await fs.stat('one'), await fs.stat('one/two')];
      const result = await trigger(how, path);
      const { type, uid, gid, ino } = before;
      expect(await fs.stat(result)).toMatchObject({ type, uid, gid, ino });
      expect(await fs.getxattr(result, 'user.tag')).toBe('t');
      if (how !== 'chmod') expect((await fs.stat(result)).mode).toBe(0o640);
      if (!['append', 'truncate', 'utimens'].includes(how))
        expect((await fs.stat(result)).mtime).toBe(shown(old));
      if (how !== 'append' && how !== 'truncate') expect(await fs.get(result)).toBe('content');
      expect(await fs.stat('one')).toMatchObject({
        mode: one.mode,
        uid: one.uid,
        gid: one.gid,
        mtime: shown(old),
        ino: one.ino,
      });
      expect(await fs.stat('one/two')).toMatchObject({
        mode: two.mode,
        uid: two.uid,
        gid: two.gid,
        ino: two.ino,
      });
      if (!['link', 'rename'].includes(how)) expect((await fs.stat('one/two')).mtime).toBe(two.mtime);
      if (how === 'open-for-writing') return;
      expect(await layers.fs.getxattr('upper/one/two', 'user.tag')).toBe('t');
      expect((await layers.fs.stat(`upper/${result}`)).type).toBe('file');
    });

    async function trigger(how: string, path: string): Promise<string> {
      const { fs } = stack;
      if (how === 'append') await fs.append(path, '+');
      else if (how === 'chmod') await fs.chmod(path, 0o600);
      else if (how === 'utimens') await fs.utimens(path, OLD_TIME, OLD_TIME);
      else if (how === 'setxattr') await fs.setxattr(path, 'user.new', 'n');
      else if (how === 'truncate') await fs.truncate(path, 3);
      else if (how === 'link') await fs.link(path, `${path}-2`);
      else if (how === 'open-for-writing') await fs.close(await fs.open(path, O_WRONLY));
      else {
        await fs.rename(path, `${path}-renamed`);
        return `${path}-renamed`;
      }
      return path;
    }

    test('a directory is copied up by its attributes, without its children', async () => {
      const { fs, layers } = stack;
      await fs.chmod('dir', 0o700);
      expect(await fs.stat('dir')).toMatchObject({ mode: 0o700, mtime: shown(old), ...owner });
      expect(await fs.names('dir')).toEqual(['child']);
      expect(await layers.fs.names('upper/dir')).toEqual([]);
    });

    test('numbers stay the same for files, directories and symlinks', async () => {
      const { fs } = stack;
      const before = await fs.snapshot('ino-of-many', ['ino']);
      await fs.append('ino-of-many/a', '+');
      await fs.chmod('ino-of-many/b', 0o700);
      await fs.utimens('ino-of-many/c', OLD_TIME, old);
      const after = await fs.snapshot('ino-of-many', ['ino']);
      expect(Object.keys(after)).toEqual(Object.keys(before));
      for (const [path, { ino }] of Object.entries(after))
        expect([path, ino]).toEqual([path, before[path]?.ino]);
    });

    test('a symlink is copied up by its times', async () => {
      const { fs } = stack;
      await fs.utimens('link', OLD_TIME, old);
      expect(await fs.readlink('link')).toBe('target');
      expect(await fs.stat('link')).toMatchObject({ type: 'link', mtime: shown(old), ...owner });
      expect(await stack.layers.fs.readlink('upper/link')).toBe('target');
    });

    test('a big file is copied up whole', async () => {
      const { fs } = stack;
      const fd = await fs.open('big', O_RDWR);
      await fs.pwrite(fd, '!', 500_000);
      await fs.close(fd);
      const content = await fs.get('big');
      expect(content.length).toBe(2 ** 20);
      expect(content.replace('!', content[500_000 % 16]!)).toBe('0123456789abcdef'.repeat(2 ** 16));
    });
  });

  describe('copy-up of a sparse file', () => {
    const stack = useStack(target, { lowers: [{ sparse: sparseFile(SPARSE_SIZE, [0, 2 ** 20 * 30]) }] });

    test('its holes stay holes', async () => {
      const { fs, layers } = stack;
      const before = await layers.fs.snapshot('0');
      await fs.put_at('sparse', 'x', 0);
      const [lower, upper] = [await layers.fs.stat('0/sparse'), await layers.fs.stat('upper/sparse')];
      expect(upper.size).toBe(SPARSE_SIZE);
      expect(upper.blocks).toBeLessThanOrEqual(lower.blocks + (2 * COPY_CHUNK) / 512);
      const after = await layers.fs.snapshot('upper');
      expect(after.sparse?.content).toBe(before.sparse?.content);
    });
  });

  describe('copy-up that is interrupted', () => {
    const killsAtOnce = target.traits.killsAtOnce ? test : test.skip;
    const stack = useStack(target, {
      lowers: [{ 'to-cut': bigFile(BIG), 'to-kill': bigFile(BIG), 'to-rename': bigFile(BIG) }],
    });

    test('by a kill in the middle of truncate: the next change finds the whole file', async () => {
      const { fs } = stack;
      await fs.killed_after(4, 'truncate', 'to-cut', BIG / 2);
      const cut = (await fs.stat('to-cut')).size;
      await fs.chmod('to-cut', 0o600);
      expect(await fs.stat('to-cut')).toMatchObject({ mode: 0o600, size: cut });
    });

    killsAtOnce('by a kill: the process is gone before the copy is there', async () => {
      const { fs } = stack;
      await fs.killed_after(4, 'chmod', 'to-kill', 0o600);
      expect((await fs.stat('to-kill')).mode).toBe(0o644);
      await fs.chmod('to-kill', 0o640);
      expect(await fs.stat('to-kill')).toMatchObject({ mode: 0o640, size: BIG });
    });

    test('by a signal that kills nobody: the operation has its result', async () => {
      const { fs } = stack;
      await fs.signalled_after(4, 'rename', 'to-rename', 'renamed');
      expect((await fs.stat('renamed')).size).toBe(BIG);
      expect(await stack.errno.stat('to-rename')).toBe('ENOENT');
    });
  });
}
