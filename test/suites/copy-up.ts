/** What copying a file up keeps, and who notices. */
import { O_PATH, O_RDONLY, O_RDWR, O_WRONLY } from '../../lib/vfs/flags';
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
  const asRoot = target.traits.privileged ? test : test.skip;
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
          'old-reader': file('old content'),
          'old-reader-trunc': file('old content'),
          'old-mapping': file('o'.repeat(4096)),
          'old-handle-changes': file('content'),
          'old-handle-keeps-out': file('content'),
          'old-handle-reopens': file('old content'),
          'old-handle-links': file('old content'),
          'ino-of-many/a': file('a'),
          'ino-of-many/b': dir(),
          'ino-of-many/c': symlink('x'),
          dir: dir({ ...tagged, mode: 0o2755 }),
          'dir/child': file(),
          big: file('0123456789abcdef'.repeat(2 ** 16)),
          link: symlink('target', owner),
        },
      ],
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

    test('a reader from before the copy-up reads one of the two contents', async () => {
      const { fs } = stack;
      const reader = await fs.open('old-reader', O_RDONLY);
      expect(await fs.pread(reader, 20, 0)).toBe('old content');
      const writer = await fs.open('old-reader', O_RDWR);
      await fs.pwrite(writer, 'NEW', 0);
      expect(await fs.pread(writer, 20, 0)).toBe('NEW content');
      const seen = await fs.pread(reader, 20, 0);
      if (target.traits.oldReadersFollow) expect(seen).toBe('NEW content');
      else expect(['old content', 'NEW content']).toContain(seen);
      await fs.close(reader);
      const later = await fs.open('old-reader', O_RDONLY);
      expect(await fs.pread(later, 20, 0)).toBe('NEW content');
      await fs.close(later);
      await fs.close(writer);
    });

    test('truncating under a reader shows later opens the new content', async () => {
      const { fs } = stack;
      const reader = await fs.open('old-reader-trunc', O_RDONLY);
      expect(await fs.pread(reader, 3, 0)).toBe('old');
      await fs.put('old-reader-trunc', 'new');
      const seen = await fs.pread(reader, 20, 0);
      if (target.traits.oldReadersFollow) expect(seen).toBe('new');
      else expect(['old content', 'new']).toContain(seen);
      await fs.close(reader);
      expect(await fs.get('old-reader-trunc')).toBe('new');
    });

    test('attributes are the same through every handle, whichever they are changed through', async () => {
      const { fs } = stack;
      const path = 'old-handle-changes';
      const reader = await fs.open(path, O_RDONLY);
      const writer = await fs.open(path, O_RDWR);
      const expectAll = async (expected: object) => {
        for (const seen of [await fs.fstat(reader), await fs.fstat(writer), await fs.stat(path)])
          expect(seen).toMatchObject(expected);
      };
      await expectAll({ mode: 0o644, size: 7, nlink: 1 });
      await fs.fchmod(reader, 0o600);
      await expectAll({ mode: 0o600 });
      await fs.chmod(path, 0o640);
      await expectAll({ mode: 0o640 });
      await fs.pwrite(writer, 'longer', 7);
      await expectAll({ size: 13 });
      await fs.ftruncate(writer, 3);
      await expectAll({ size: 3 });
      await fs.link(path, `${path}-2`);
      await expectAll({ nlink: 2 });
      await fs.unlink(`${path}-2`);
      await expectAll({ nlink: 1 });
      await fs.close(reader);
      await fs.fchmod(writer, 0o666);
      expect(await fs.stat(path)).toMatchObject({ mode: 0o666, size: 3, nlink: 1 });
      await fs.close(writer);
    });

    asRoot('permissions taken away through an old handle are gone for everybody', async () => {
      const { fs } = stack;
      const other = stack.spawn({ uid: 1001, gid: 1001 });
      const path = 'old-handle-keeps-out';
      const reader = await fs.open(path, O_RDONLY);
      const writer = await fs.open(path, O_RDWR);
      const theirs = await other.fs.open(path, O_RDONLY);
      await fs.fchmod(reader, 0o600);
      expect(await other.errno.open(path, O_RDONLY)).toBe('EACCES');
      await fs.chmod(path, 0o604);
      expect(await other.errno.open(path, O_RDONLY)).toBe('OK');
      for (const fd of [reader, writer]) await fs.close(fd);
      await other.fs.close(theirs);
    });

    test('a file is opened anew through a handle from before the copy-up', async () => {
      const { fs, errno } = stack;
      const path = 'old-handle-reopens';
      const reader = await fs.open(path, O_RDONLY);
      const place = await fs.open(path, O_PATH);
      const writer = await fs.open(path, O_RDWR);
      await fs.pwrite(writer, 'NEW', 0);
      const again = await fs.open(`/proc/self/fd/${reader}`, O_RDONLY);
      expect(await fs.pread(again, 20, 0)).toBe(await fs.pread(reader, 20, 0));
      const writable = target.traits.oldReadersFollow ? 'OK' : 'ESTALE';
      expect(await errno.open(`/proc/self/fd/${reader}`, O_RDWR)).toBe(writable);
      expect(await fs.get(path)).toBe('NEW content');
      for (const fd of [reader, again]) await fs.close(fd);
      const late = await fs.open(`/proc/self/fd/${place}`, O_RDWR);
      await fs.pwrite(late, 'LATE', 11);
      expect(await fs.get(path)).toBe('NEW contentLATE');
      expect(await fs.fstat(writer)).toMatchObject({ size: 15 });
      for (const fd of [late, place, writer]) await fs.close(fd);
    });

    test('a name that was linked while an old reader is open gives the new content', async () => {
      const { fs } = stack;
      const path = 'old-handle-links';
      const reader = await fs.open(path, O_RDONLY);
      await fs.link(path, `${path}-2`);
      await fs.put_at(`${path}-2`, 'NEW', 0);
      expect(await fs.get(path)).toBe('NEW content');
      expect(await fs.get(`${path}-2`)).toBe('NEW content');
      await fs.close(reader);
    });

    test('a mapping from before the copy-up stays readable', async () => {
      const { fs } = stack;
      const reader = await fs.open('old-mapping', O_RDONLY);
      const map = await fs.map(reader, 4096, false, false);
      await fs.mapread(map, 0, 3);
      const writer = await fs.open('old-mapping', O_RDWR);
      await fs.pwrite(writer, 'NEW', 0);
      expect(['ooo', 'NEW']).toContain(await fs.mapread(map, 0, 3));
      expect((await fs.get('old-mapping')).slice(0, 4)).toBe('NEWo');
      await fs.unmap(map);
      await fs.close(reader);
      await fs.close(writer);
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
