/** Hard links, and counts of them. */
import { O_RDWR, RENAME_EXCHANGE, RENAME_NOREPLACE } from '../../lib/vfs/flags';
import { dir, type Entry, file, hardlink, symlink } from '../support/layers';
import { useStack } from '../support/stack';
import type { Target } from '../support/targets';

const [LOCK_EX, LOCK_NB] = [2, 4];
/** Three processes stat a file while a fourth links and unlinks it for two seconds, and says how often that went wrong. */
const LINK_AND_UNLINK = `
import os, signal, time
open('a', 'w').close()
open('d', 'w').close()
others = []
for _ in range(3):
    pid = os.fork()
    if pid == 0:
        while True:
            os.stat('a')
    others.append(pid)
failures, wrong = 0, 0
try:
    end = time.monotonic() + 2
    while time.monotonic() < end:
        for replace in False, False, False, True:
            try:
                os.link('a', 'b')
            except FileNotFoundError:
                failures += 1
                continue
            wrong += os.stat('a').st_nlink != 2
            with open('b', 'a') as file:
                file.write('x')
            if replace:
                open('c', 'w').close()
                os.rename('c', 'b')
            os.unlink('b')
        wrong += os.stat('a').st_nlink != 1
finally:
    for pid in others:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
print('link', failures, 'count', wrong)
`;

export function linksSuite(target: Target): void {
  const flags = target.traits.supports.renameFlags;

  describe('hard links', () => {
    const stack = useStack(target, {
      upper: {
        'upper-a': file('upper'),
        'upper-b': hardlink('upper-a'),
        'pair-a': file('pair'),
        'pair-b': hardlink('pair-a'),
        'same-old-a': file('x'),
        'same-old-b': hardlink('same-old-a'),
        'kept/a': file('x'),
        'kept/b': hardlink('kept/a'),
      },
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

    test('a file stays one when the name it was opened by is gone', async () => {
      const { fs, errno } = stack;
      const first = await fs.open('pair-a', O_RDWR);
      expect(await fs.pread(first, 10, 0)).toBe('pair');
      await fs.unlink('pair-a');
      const second = await fs.open('pair-b', O_RDWR);
      expect(await fs.pread(second, 10, 0)).toBe('pair');
      await fs.pwrite(first, 'NEWER', 0);
      expect(await fs.pread(second, 10, 0)).toBe('NEWER');
      expect(await fs.fstat(first)).toEqual(await fs.fstat(second));
      await fs.flock(first, LOCK_EX);
      expect(await errno.flock(second, LOCK_EX | LOCK_NB)).toBe(
        target.traits.linksShareLocks ? 'EAGAIN' : 'OK',
      );
      for (const fd of [first, second]) await fs.close(fd);
      expect(await fs.get('pair-b')).toBe('NEWER');
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

    test.each([
      ['plain', 0, 'OK'],
      ['exchange', RENAME_EXCHANGE, flags ? 'OK' : 'EINVAL'],
      ['noreplace', RENAME_NOREPLACE, 'EEXIST'],
    ])('nor does it for links from before the mount: %s', async (_, how, expected) => {
      const { fs, errno } = stack;
      expect(await fs.names('kept')).toEqual(['a', 'b']);
      expect(await errno.rename('same-old-a', 'same-old-b', how)).toBe(expected);
      expect(await errno.rename('kept/a', 'kept/b', how)).toBe(expected);
      expect(await fs.names('kept')).toEqual(['a', 'b']);
      expect(await fs.names('.')).toEqual(expect.arrayContaining(['same-old-a', 'same-old-b']));
      for (const path of ['same-old-a', 'same-old-b', 'kept/a', 'kept/b'])
        expect((await fs.stat(path)).nlink).toBe(2);
    });
  });

  describe('many hard links between two upper directories', () => {
    const numbers = Array.from({ length: 300 }, (_, at) => at);
    const of = (entry: (at: number) => [string, Entry]) => Object.fromEntries(numbers.map(entry));
    const stack = useStack(target, {
      upper: {
        ...of((at) => [`far/b${at}`, file(`${at}`)]),
        ...of((at) => [`listed/a${at}`, hardlink(`far/b${at}`)]),
        listed: dir({ xattrs: { [`${target.traits.xattrs}.overlay.impure`]: 'y' } }),
      },
      lowers: [{ lower: file('x') }],
    });

    test('are found by either name after one directory was listed, forgotten and renamed', async () => {
      const { fs } = stack;
      expect((await fs.readdir('listed', 1024)).length).toBe(302);
      await fs.run(['sh', '-c', 'echo 2 >/proc/sys/vm/drop_caches']);
      await fs.rename('listed', 'moved');
      for (const at of numbers) {
        expect(await fs.get(`far/b${at}`)).toBe(`${at}`);
        expect((await fs.stat(`moved/a${at}`)).nlink).toBe(2);
      }
    });
  });

  describe('hard links made and removed beside those who stat', () => {
    const stack = useStack(target, { lowers: [{ file: file('x') }] });

    test('are counted right, and link(2) always finds the file', async () => {
      const { status, out, err } = await stack.fs.run(['/usr/bin/python3', '-I', '-c', LINK_AND_UNLINK]);
      expect({ status, out, err }).toEqual({ status: 0, out: 'link 0 count 0\n', err: '' });
    });
  });
}
