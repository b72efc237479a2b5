/** mmap(2): mappings agree with read and write. */
import { O_RDONLY, O_RDWR } from '../../lib/vfs/flags';
import { file } from '../support/layers';
import { useStack } from '../support/stack';
import type { Target } from '../support/targets';

export function mappingSuite(target: Target): void {
  describe('mappings', () => {
    const page = 'p'.repeat(4096);
    const stack = useStack(target, {
      lowers: [
        {
          lower: file(`${page}${page}tail`),
          'to-share': file(`${page}${page}`),
          'to-keep': file(page),
          'to-outlive': file(page),
          program: file('#!/bin/sh\necho ran $1\n', { mode: 0o755 }),
        },
      ],
    });

    test('a mapping of a lower file reads its content', async () => {
      const { fs } = stack;
      const fd = await fs.open('lower', O_RDONLY);
      const map = await fs.map(fd, 8196, true, false);
      await fs.close(fd);
      expect(await fs.mapread(map, 8190, 6)).toBe('pptail');
      await fs.unmap(map);
    });

    test('a write to a shared mapping is seen by read, and a write by the mapping', async () => {
      const { fs } = stack;
      const fd = await fs.open('to-share', O_RDWR);
      const map = await fs.map(fd, 8192, true, true);
      await fs.mapwrite(map, 4090, 'through the map');
      expect(await fs.pread(fd, 15, 4090)).toBe('through the map');
      await fs.pwrite(fd, 'through write', 100);
      expect(await fs.mapread(map, 100, 13)).toBe('through write');
      await fs.mapsync(map);
      await fs.unmap(map);
      await fs.close(fd);
      await stack.remount();
      expect((await stack.fs.get('to-share')).slice(4090, 4105)).toBe('through the map');
    });

    test('two mappings in two processes share their bytes', async () => {
      const { fs } = stack;
      await fs.put('shared', page);
      const other = stack.spawn().fs;
      const [mine, theirs] = [await fs.open('shared', O_RDWR), await other.open('shared', O_RDWR)];
      const [left, right] = [await fs.map(mine, 4096, true, true), await other.map(theirs, 4096, true, true)];
      await fs.mapwrite(left, 0, 'ping');
      expect(await other.mapread(right, 0, 4)).toBe('ping');
      await other.mapwrite(right, 0, 'pong');
      expect(await fs.mapread(left, 0, 4)).toBe('pong');
    });

    test('a private mapping keeps its changes to itself', async () => {
      const { fs } = stack;
      const fd = await fs.open('to-keep', O_RDONLY);
      const map = await fs.map(fd, 4096, false, true);
      await fs.mapwrite(map, 0, 'private');
      expect(await fs.mapread(map, 0, 7)).toBe('private');
      expect(await fs.pread(fd, 7, 0)).toBe('ppppppp');
      await fs.unmap(map);
      await fs.close(fd);
    });

    test('a mapping outlives the name and the handle', async () => {
      const { fs } = stack;
      const fd = await fs.open('to-outlive', O_RDWR);
      const map = await fs.map(fd, 4096, true, true);
      await fs.close(fd);
      await fs.unlink('to-outlive');
      await fs.mapwrite(map, 0, 'alive');
      expect(await fs.mapread(map, 0, 8)).toBe('aliveppp');
      await fs.unmap(map);
    });

    test('growing a file by truncate makes its new page mappable', async () => {
      const { fs } = stack;
      await fs.put('growing', 'x');
      const fd = await fs.open('growing', O_RDWR);
      await fs.ftruncate(fd, 8192);
      const map = await fs.map(fd, 8192, true, true);
      await fs.mapwrite(map, 8000, 'far');
      expect(await fs.pread(fd, 3, 8000)).toBe('far');
      expect((await fs.fstat(fd)).size).toBe(8192);
      await fs.unmap(map);
      await fs.close(fd);
    });

    test('programs run from the mount, before and after copy-up', async () => {
      const { fs } = stack;
      expect(await fs.run(['./program', 'lower'])).toMatchObject({ status: 0, out: 'ran lower\n' });
      await fs.append('program', 'echo twice\n');
      expect(await fs.run(['./program', 'upper'])).toMatchObject({ status: 0, out: 'ran upper\ntwice\n' });
      await fs.run(['cp', '/bin/true', 'binary']);
      expect(await fs.run(['./binary'])).toMatchObject({ status: 0 });
    });
  });
}
