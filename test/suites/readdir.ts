/** Listing directories: what is listed, and what stays true while the directory changes. */
import { O_DIRECTORY, O_RDONLY } from '../../lib/vfs/flags';
import { dir, file, type Layer, special, symlink, whiteout } from '../support/layers';
import type { Dirent } from '../support/operations';
import { type Stack, useStack } from '../support/stack';
import type { Target } from '../support/targets';

const BIG = 20_000;
const SMALL_BUFFER = 280;

const numbered = (prefix: string, count: number): Layer =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`${prefix}${at}`, file()]));

export function readdirSuite(target: Target): void {
  describe('readdir', () => {
    const stack = useStack(target, {
      upper: { 'mix/upper': file('u'), 'mix/gone': whiteout() },
      lowers: [
        {
          'mix/file': file(),
          'mix/dir': dir(),
          'mix/link': symlink('file'),
          'mix/fifo': special('fifo'),
          'mix/gone': file(),
          ...numbered('steady/a', 60),
          ...numbered('empties/x', 40),
          ...numbered('seek/s', 30),
        },
        { 'mix/older': file(), ...numbered('steady/b', 60) },
      ],
    });

    test('names, types and numbers agree with stat', async () => {
      const { fs } = stack;
      const entries = await fs.readdir('mix');
      expect(entries.map(({ name }) => name).sort()).toEqual(
        ['.', '..', 'dir', 'fifo', 'file', 'link', 'older', 'upper'].sort(),
      );
      for (const { name, type, ino } of entries) {
        const found = await fs.stat(`mix/${name}`);
        expect([name, type, ino]).toEqual([name, found.type, found.ino]);
      }
    });

    test('d_ino of the top agrees with stat', async () => {
      const { fs } = stack;
      for (const { name, type, ino } of await fs.readdir('.')) {
        if (name === '..') continue;
        const found = await fs.stat(name);
        expect([name, type, ino]).toEqual([name, found.type, found.ino]);
      }
    });

    test('d_ino does not change when a file is copied up', async () => {
      const { fs } = stack;
      const before = (await fs.readdir('mix')).find(({ name }) => name === 'file');
      await fs.append('mix/file', 'x');
      const after = (await fs.readdir('mix')).find(({ name }) => name === 'file');
      expect(after?.ino).toBe(before?.ino);
      expect((await fs.stat('mix/file')).ino).toBe(after?.ino);
    });

    test('entries added and removed while listing do not disturb the others', async () => {
      const { fs } = stack;
      const fd = await fs.open('steady', O_RDONLY | O_DIRECTORY);
      const seen: string[] = [];
      for (let round = 0; round < 1000; round++) {
        const part = await fs.getdents(fd, SMALL_BUFFER);
        if (part.length === 0) break;
        seen.push(...part.map(({ name }) => name));
        await fs.put(`steady/new${round}`, 'x');
        if (round < 5) await fs.unlink(`steady/b${59 - round}`);
      }
      expect(await fs.getdents(fd)).toEqual([]);
      await fs.close(fd);
      expect(new Set(seen).size).toBe(seen.length);
      const always = [
        ...Array.from({ length: 60 }, (_, at) => `a${at}`),
        ...Array.from({ length: 55 }, (_, at) => `b${at}`),
      ];
      expect(seen).toEqual(expect.arrayContaining(always));
    });

    test('a directory can be emptied while it is listed', async () => {
      const { fs } = stack;
      const fd = await fs.open('empties', O_RDONLY | O_DIRECTORY);
      for (;;) {
        const part = await fs.getdents(fd, SMALL_BUFFER);
        if (part.length === 0) break;
        for (const { name } of part) if (!name.startsWith('.')) await fs.unlink(`empties/${name}`);
      }
      await fs.close(fd);
      expect(await fs.names('empties')).toEqual([]);
      await fs.rmdir('empties');
    });

    test('seeking back to an entry continues after it', async () => {
      const { fs } = stack;
      const fd = await fs.open('seek', O_RDONLY | O_DIRECTORY);
      const all = await readToEnd(stack, fd);
      for (const at of [0, 5, 17]) {
        await fs.lseek(fd, all[at]!.next, 0);
        expect(await readToEnd(stack, fd)).toEqual(all.slice(at + 1));
      }
      await fs.lseek(fd, 0, 0);
      expect(await readToEnd(stack, fd)).toEqual(all);
      await fs.close(fd);
    });

    test('rewinding sees what changed', async () => {
      const { fs } = stack;
      await fs.mkdir('rewind');
      await fs.put('rewind/a', '');
      const fd = await fs.open('rewind', O_RDONLY | O_DIRECTORY);
      await readToEnd(stack, fd);
      await fs.put('rewind/b', '');
      await fs.lseek(fd, 0, 0);
      expect((await readToEnd(stack, fd)).map(({ name }) => name).sort()).toEqual(['.', '..', 'a', 'b']);
      await fs.close(fd);
    });

    test('a removed directory that is still open lists nothing', async () => {
      const { fs } = stack;
      await fs.mkdir('short-lived');
      const fd = await fs.open('short-lived', O_RDONLY | O_DIRECTORY);
      await fs.rmdir('short-lived');
      const names = (await stack.errno.getdents(fd)) === 'OK' ? await readToEnd(stack, fd) : [];
      expect(names.filter(({ name }) => name !== '.' && name !== '..')).toEqual([]);
      await fs.close(fd);
    });

    test('listing what is no directory is ENOTDIR', async () => {
      expect(await stack.errno.readdir('mix/older')).toBe('ENOTDIR');
    });
  });

  describe('a big directory', () => {
    const stack = useStack(target, {
      lowers: [numbered('big/first', BIG / 4), numbered('big/second', BIG / 4)],
    });

    test(`${BIG} entries are listed once each, found by name and can be removed`, async () => {
      const { fs } = stack;
      await fs.fill('big', 'upper', BIG / 2);
      const names = await fs.names('big');
      expect(names.length).toBe(BIG);
      expect(new Set(names).size).toBe(BIG);
      expect((await fs.readdir('big', 1 << 16)).length).toBe(BIG + 2);
      expect((await fs.stat('big/second777')).type).toBe('file');
      expect(await stack.errno.stat('big/absent')).toBe('ENOENT');
      await fs.unlink('big/first1234');
      await fs.unlink('big/upper4321');
      expect((await fs.names('big')).length).toBe(BIG - 2);
    });
  });
}

async function readToEnd(stack: Stack, fd: number): Promise<Dirent[]> {
  const found: Dirent[] = [];
  for (;;) {
    const part = await stack.fs.getdents(fd, SMALL_BUFFER);
    if (part.length === 0) return found;
    found.push(...part);
  }
}
