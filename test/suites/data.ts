/** Data of regular files: offsets, holes, space, copying between files. */
import {
  O_APPEND,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  SEEK_DATA,
  SEEK_HOLE,
} from '../../lib/vfs/flags';
import { bigFile, file } from '../support/layers';
import { useStack } from '../support/stack';
import type { Target } from '../support/targets';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const BLOCK = 65536;
const KEEP_SIZE = 1;
const PUNCH_HOLE = 2;
const ZERO_RANGE = 16;
const FIEMAP = 0xc020660b;

export function dataSuite(target: Target): void {
  const { supports } = target.traits;
  const withSeekHole = supports.seekHole ? test : test.skip;
  const withFallocate = supports.fallocate ? test : test.skip;

  describe('data', () => {
    const long = 'abcdefghij'.repeat(20_000);
    const stack = useStack(target, {
      lowers: [
        {
          long: file(long),
          'to-change': file(long),
          'to-shrink': file(long),
          'to-grow': file('0123456789'),
          'to-allocate': file('0123456789'),
          'to-punch': file(long),
          source: file(long),
          'into-lower': file(long),
          'both-ways': file('0123456789'),
          'big-source': bigFile(4 * MIB),
          'big-target': bigFile(2 * MIB),
        },
      ],
    });

    test('reads at any offset give what is there, and nothing past the end', async () => {
      const { fs } = stack;
      const fd = await fs.open('long', O_RDONLY);
      expect(await fs.pread(fd, 10, 4093)).toBe(long.slice(4093, 4103));
      expect(await fs.pread(fd, 100, long.length - 5)).toBe('fghij');
      expect(await fs.pread(fd, 10, long.length)).toBe('');
      expect(await fs.pread(fd, 10, 5 * GIB)).toBe('');
      await fs.close(fd);
      expect(await fs.get('long')).toBe(long);
    });

    test('a write in the middle of a lower file changes only that', async () => {
      const { fs } = stack;
      const fd = await fs.open('to-change', O_RDWR);
      expect(await fs.pwrite(fd, 'CHANGED', 70_001)).toBe(7);
      const expected = `${long.slice(0, 70_001)}CHANGED${long.slice(70_008)}`;
      expect(await fs.pread(fd, long.length, 0)).toBe(expected);
      await fs.close(fd);
      await stack.remount();
      expect(await stack.fs.get('to-change')).toBe(expected);
    });

    test('two handles of one file see each other’s writes', async () => {
      const { fs } = stack;
      const reader = await fs.open('both-ways', O_RDWR);
      const writer = await fs.open('both-ways', O_WRONLY);
      await fs.pwrite(writer, 'ABC', 2);
      expect(await fs.pread(reader, 10, 0)).toBe('01ABC56789');
      await fs.ftruncate(writer, 4);
      expect(await fs.pread(reader, 10, 0)).toBe('01AB');
      expect((await fs.fstat(reader)).size).toBe(4);
      await fs.close(reader);
      await fs.close(writer);
    });

    test('truncate shrinks and grows, with zeros in what is new', async () => {
      const { fs, errno } = stack;
      await fs.truncate('to-shrink', 12);
      expect(await fs.get('to-shrink')).toBe(long.slice(0, 12));
      await fs.truncate('to-grow', 15);
      expect(await fs.get('to-grow')).toBe('0123456789\0\0\0\0\0');
      await fs.truncate('to-shrink', 0);
      await fs.truncate('to-shrink', 3);
      expect(await fs.get('to-shrink')).toBe('\0\0\0');
      expect(await errno.truncate('absent', 0)).toBe('ENOENT');
      expect(await errno.truncate('.', 0)).toBe('EISDIR');
    });

    test('a size that is too large is refused, never rounded', async () => {
      const { fs, errno } = stack;
      const size = '9007199254740993';
      const fd = await fs.open('huge', O_CREAT | O_RDWR);
      const said = await errno.ftruncate(fd, size);
      const shown = (await fs.run(['stat', '-c', '%s', 'huge'])).out.trim();
      expect([
        ['OK', size],
        ['EFBIG', '0'],
      ]).toContainEqual([said, shown]);
      await fs.close(fd);
      await fs.unlink('huge');
    });

    test('writes far past the end leave a hole of zeros', async () => {
      const { fs } = stack;
      const fd = await fs.open('sparse', O_CREAT | O_RDWR);
      await fs.pwrite(fd, 'end', 5 * GIB);
      expect((await fs.fstat(fd)).size).toBe(5 * GIB + 3);
      expect(await fs.pread(fd, 4, 5 * GIB - 2)).toBe('\0\0en');
      expect((await fs.fstat(fd)).blocks * 512).toBeLessThan(GIB);
      await fs.close(fd);
      const again = await fs.open('sparse', O_RDONLY);
      expect(await fs.pread(again, 3, 5 * GIB)).toBe('end');
      await fs.close(again);
    });

    withSeekHole('SEEK_DATA and SEEK_HOLE find data and holes', async () => {
      const { fs, errno } = stack;
      const fd = await fs.open('holes', O_CREAT | O_RDWR);
      await fs.pwrite(fd, 'x'.repeat(BLOCK), BLOCK * 4);
      await fs.ftruncate(fd, BLOCK * 8);
      await fs.fsync(fd);
      expect(await fs.lseek(fd, 0, SEEK_HOLE)).toBe(0);
      expect(await fs.lseek(fd, 0, SEEK_DATA)).toBe(BLOCK * 4);
      expect(await fs.lseek(fd, BLOCK * 4, SEEK_HOLE)).toBe(BLOCK * 5);
      expect(await errno.lseek(fd, BLOCK * 5, SEEK_DATA)).toBe('ENXIO');
      expect(await errno.lseek(fd, BLOCK * 8, SEEK_HOLE)).toBe('ENXIO');
      await fs.close(fd);
      const lower = await fs.open('long', O_RDONLY);
      expect(await fs.lseek(lower, 5, SEEK_DATA)).toBe(5);
      expect(await fs.lseek(lower, 5, SEEK_HOLE)).toBe(long.length);
      await fs.close(lower);
    });

    withFallocate('fallocate grows the file, or only its space', async () => {
      const { fs } = stack;
      const fd = await fs.open('to-allocate', O_RDWR);
      await fs.fallocate(fd, KEEP_SIZE, 0, BLOCK * 4);
      expect(await fs.fstat(fd)).toMatchObject({ size: 10 });
      expect((await fs.fstat(fd)).blocks * 512).toBeGreaterThanOrEqual(BLOCK * 4);
      await fs.fallocate(fd, 0, 0, BLOCK);
      expect((await fs.fstat(fd)).size).toBe(BLOCK);
      expect(await fs.pread(fd, 12, 0)).toBe('0123456789\0\0');
      await fs.close(fd);
    });

    withFallocate('fallocate punches holes into a copied-up file', async () => {
      const { fs, errno } = stack;
      const fd = await fs.open('to-punch', O_RDWR);
      await fs.fallocate(fd, PUNCH_HOLE | KEEP_SIZE, BLOCK, BLOCK);
      const expected = `${long.slice(0, BLOCK)}${'\0'.repeat(BLOCK)}${long.slice(2 * BLOCK)}`;
      expect(await fs.pread(fd, long.length, 0)).toBe(expected);
      expect(await errno.fallocate(fd, 0, 0, 0)).toBe('EINVAL');
      expect(await errno.fallocate(fd, PUNCH_HOLE, 0, 10)).toBe('EOPNOTSUPP');
      await fs.close(fd);
    });

    withFallocate('fallocate modes are those of the upper layer', async () => {
      const { fs, layers } = stack;
      await fs.put('zero', 'x'.repeat(100));
      await layers.fs.put('plain', 'x'.repeat(100));
      const [mine, plain] = [await fs.open('zero', O_RDWR), await layers.fs.open('plain', O_RDWR)];
      expect(await stack.errno.fallocate(mine, ZERO_RANGE, 10, 20)).toBe(
        await layers.errno.fallocate(plain, ZERO_RANGE, 10, 20),
      );
      expect(await fs.pread(mine, 100, 0)).toBe(await layers.fs.pread(plain, 100, 0));
      await fs.close(mine);
      await layers.fs.close(plain);
    });

    test('fallocate on a read-only handle is EBADF', async () => {
      const { fs, errno } = stack;
      const fd = await fs.open('long', O_RDONLY);
      expect(await errno.fallocate(fd, 0, 0, 10)).toBe('EBADF');
      await fs.close(fd);
    });

    test('copy_file_range copies between lower and upper files', async () => {
      const { fs } = stack;
      const [from, to] = [await fs.open('source', O_RDONLY), await fs.open('copy', O_CREAT | O_RDWR)];
      await copyAll((left, at) => fs.copy_file_range(from, to, left, at, at), long.length);
      await fs.close(to);
      expect(await fs.get('copy')).toBe(long);
      const into = await fs.open('into-lower', O_RDWR);
      expect(await fs.copy_file_range(from, into, 5, 3, 100)).toBe(5);
      expect(await fs.pread(into, 12, 97)).toBe(
        `${long.slice(97, 100)}${long.slice(3, 8)}${long.slice(105, 109)}`,
      );
      expect(await fs.copy_file_range(from, into, 5, long.length, 0)).toBe(0);
      await fs.close(from);
      await fs.close(into);
    });

    test('copy_file_range of much data into a big lower file copies it all', async () => {
      const { fs } = stack;
      const [from, to] = [await fs.open('big-source', O_RDONLY), await fs.open('big-target', O_RDWR)];
      expect(await fs.copy_file_range(from, to, 4 * MIB, 0, 8)).toBe(4 * MIB);
      expect((await fs.fstat(to)).size).toBe(4 * MIB + 8);
      expect(await fs.pread(to, 16, 3 * MIB)).toBe('89abcde\n01234567');
      await fs.close(from);
      await fs.close(to);
    });

    test('copy_file_range moves the handles when no offset is given', async () => {
      const { fs } = stack;
      const [from, to] = [await fs.open('source', O_RDONLY), await fs.open('copy-moving', O_CREAT | O_RDWR)];
      await fs.lseek(from, 2, 0);
      expect(await fs.copy_file_range(from, to, 4)).toBe(4);
      expect(await fs.lseek(from, 0, 1)).toBe(6);
      expect(await fs.lseek(to, 0, 1)).toBe(4);
      expect(await fs.get('copy-moving')).toBe('cdef');
      await fs.close(from);
      await fs.close(to);
    });

    test('O_TRUNC while another handle is open', async () => {
      const { fs } = stack;
      await fs.put('shared', '0123456789');
      const fd = await fs.open('shared', O_RDWR);
      expect(await fs.pread(fd, 10, 0)).toBe('0123456789');
      await fs.close(await fs.open('shared', O_WRONLY | O_TRUNC));
      expect(await fs.pread(fd, 10, 0)).toBe('');
      await fs.pwrite(fd, 'x', 3);
      expect(await fs.get('shared')).toBe('\0\0\0x');
      await fs.close(fd);
    });

    test('many small writes and appends arrive in order', async () => {
      const { fs } = stack;
      const fd = await fs.open('log', O_CREAT | O_WRONLY | O_APPEND);
      const lines = Array.from({ length: 500 }, (_, at) => `line ${at}\n`);
      await stack.actor.all(lines.map((line) => ['write', fd, line]));
      expect((await fs.fstat(fd)).size).toBe(lines.join('').length);
      await fs.close(fd);
      expect(await fs.get('log')).toBe(lines.join(''));
    });

    test('fsync, fdatasync and syncfs succeed on files and directories', async () => {
      const { fs, errno } = stack;
      for (const path of ['long', 'log', '.']) {
        const fd = await fs.open(path, O_RDONLY);
        expect([path, await errno.fsync(fd), await errno.fsync(fd, true), await errno.syncfs(fd)]).toEqual([
          path,
          'OK',
          'OK',
          'OK',
        ]);
        await fs.close(fd);
      }
    });

    test('an unknown ioctl is refused as one', async () => {
      const { fs, errno } = stack;
      const fd = await fs.open('long', O_RDONLY);
      expect(['ENOTTY', 'EOPNOTSUPP']).toContain(await errno.ioctl(fd, FIEMAP ^ 0x77, '\0'.repeat(32)));
      await fs.close(fd);
    });
  });
}

async function copyAll(copy: (left: number, at: number) => Promise<number>, length: number): Promise<void> {
  for (let at = 0; at < length; ) at += await copy(length - at, at);
}
