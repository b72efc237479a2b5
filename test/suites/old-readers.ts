/** Those who have a lower file open while others change it: what they see, and what opens after the change see. */
import { O_PATH, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } from '../../lib/vfs/flags';
import { type Entry, file } from '../support/layers';
import { useStack } from '../support/stack';
import type { Target } from '../support/targets';

const OLD = 'old content';
const LOCK_EX_NB = 2 | 4;
const NAMES = [
  'write',
  'put',
  'truncate',
  'attributes',
  'keeps-out',
  'reopened',
  'linked',
  'mapped',
  'locked',
  'bound',
  'bound-cut',
  'listed',
];

/** Passthrough treats small lower files and large ones differently; see lib/union/open-files.ts. */
export function oldReadersSuite(target: Target): void {
  behind(target, 'a small lower file', 5000, true);
  behind(target, 'a large lower file', 100_000, target.traits.oldReadersFollow);
}

function behind(target: Target, what: string, size: number, follow: boolean): void {
  const asRoot = target.traits.privileged ? test : test.skip;
  const content = OLD.padEnd(size, '.');
  const entries = NAMES.map((name): [string, Entry] => [name, file(content)]);

  describe(`old readers of ${what}`, () => {
    const stack = useStack(target, { lowers: [Object.fromEntries(entries)] });
    const seenByReaders = follow ? ['NEW content'] : [OLD, 'NEW content'];

    test('a reader from before the copy-up, and everybody after it', async () => {
      const { fs } = stack;
      const reader = await fs.open('write', O_RDONLY);
      expect(await fs.pread(reader, 11, 0)).toBe(OLD);
      const writer = await fs.open('write', O_RDWR);
      await fs.pwrite(writer, 'NEW', 0);
      expect(await fs.pread(writer, 11, 0)).toBe('NEW content');
      expect(seenByReaders).toContain(await fs.pread(reader, 11, 0));
      expect((await fs.get('write')).slice(0, 11)).toBe('NEW content');
      await fs.close(reader);
      expect((await fs.get('write')).slice(0, 11)).toBe('NEW content');
      await fs.close(writer);
      expect(await fs.get('write')).toBe('NEW content'.padEnd(size, '.'));
    });

    test('new content under a reader', async () => {
      const { fs } = stack;
      const reader = await fs.open('put', O_RDONLY);
      expect(await fs.pread(reader, 3, 0)).toBe('old');
      await fs.put('put', 'new');
      expect(follow ? ['new'] : ['new', OLD]).toContain(await fs.pread(reader, 11, 0));
      expect(await fs.get('put')).toBe('new');
      await fs.close(reader);
      expect(await fs.get('put')).toBe('new');
    });

    test('truncate(2) under a reader', async () => {
      const { fs } = stack;
      const reader = await fs.open('truncate', O_RDONLY);
      expect(await fs.pread(reader, 11, 0)).toBe(OLD);
      await fs.truncate('truncate', 3);
      expect(follow ? ['old'] : ['old', OLD]).toContain(await fs.pread(reader, 11, 0));
      for (const seen of [await fs.stat('truncate'), await fs.fstat(reader)]) expect(seen.size).toBe(3);
      expect(await fs.get('truncate')).toBe('old');
      await fs.truncate('truncate', 5);
      expect(await fs.get('truncate')).toBe('old\0\0');
      await fs.close(reader);
      expect(await fs.get('truncate')).toBe('old\0\0');
    });

    test('attributes are the same through every handle, whichever they are changed through', async () => {
      const { fs } = stack;
      const path = 'attributes';
      const reader = await fs.open(path, O_RDONLY);
      const writer = await fs.open(path, O_RDWR);
      const expectAll = async (expected: object) => {
        for (const seen of [await fs.fstat(reader), await fs.fstat(writer), await fs.stat(path)])
          expect(seen).toMatchObject(expected);
      };
      await expectAll({ mode: 0o644, size, nlink: 1 });
      await fs.fchmod(reader, 0o600);
      await expectAll({ mode: 0o600 });
      await fs.chmod(path, 0o640);
      await expectAll({ mode: 0o640 });
      await fs.pwrite(writer, 'longer', size);
      await expectAll({ size: size + 6 });
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
      const reader = await fs.open('keeps-out', O_RDONLY);
      const writer = await fs.open('keeps-out', O_RDWR);
      const theirs = await other.fs.open('keeps-out', O_RDONLY);
      await fs.fchmod(reader, 0o600);
      expect(await other.errno.open('keeps-out', O_RDONLY)).toBe('EACCES');
      await fs.chmod('keeps-out', 0o604);
      expect(await other.errno.open('keeps-out', O_RDONLY)).toBe('OK');
      for (const fd of [reader, writer]) await fs.close(fd);
      await other.fs.close(theirs);
    });

    test('it is opened anew through a handle from before the copy-up', async () => {
      const { fs, errno } = stack;
      const reader = await fs.open('reopened', O_RDONLY);
      const place = await fs.open('reopened', O_PATH);
      const writer = await fs.open('reopened', O_RDWR);
      await fs.pwrite(writer, 'NEW', 0);
      for (let times = 0; times < 3; times++) {
        const again = await fs.open(`/proc/self/fd/${reader}`, O_RDONLY);
        expect(await fs.pread(again, 11, 0)).toBe('NEW content');
        await fs.pwrite(writer, 'NOW', 0);
        expect(await fs.pread(again, 11, 0)).toBe('NOW content');
        await fs.pwrite(writer, 'NEW', 0);
        expect(await fs.fstat(again)).toMatchObject({ size });
        await fs.close(again);
      }
      const writable = follow ? 'OK' : 'ESTALE';
      expect(await errno.open(`/proc/self/fd/${reader}`, O_RDWR)).toBe(writable);
      if (!follow) expect(await errno.open(`/proc/self/fd/${reader}`, O_WRONLY | O_TRUNC)).toBe('ESTALE');
      expect(await fs.get('reopened')).toBe('NEW content'.padEnd(size, '.'));
      await fs.close(reader);
      const late = await fs.open(`/proc/self/fd/${place}`, O_RDWR);
      await fs.pwrite(late, 'LATE', size);
      expect(await fs.get('reopened')).toBe(`${'NEW content'.padEnd(size, '.')}LATE`);
      expect(await fs.fstat(writer)).toMatchObject({ size: size + 4 });
      for (const fd of [late, place, writer]) await fs.close(fd);
    });

    test('a name that was linked while it is open gives the new content', async () => {
      const { fs } = stack;
      const reader = await fs.open('linked', O_RDONLY);
      await fs.link('linked', 'linked-2');
      await fs.put_at('linked-2', 'NEW', 0);
      expect((await fs.get('linked')).slice(0, 11)).toBe('NEW content');
      expect((await fs.get('linked-2')).slice(0, 11)).toBe('NEW content');
      await fs.close(reader);
    });

    test('a mapping from before the copy-up stays readable', async () => {
      const { fs } = stack;
      const reader = await fs.open('mapped', O_RDONLY);
      const map = await fs.map(reader, 4096, true, false);
      expect(await fs.mapread(map, 0, 3)).toBe('old');
      const writer = await fs.open('mapped', O_RDWR);
      await fs.pwrite(writer, 'NEW', 0);
      // Linux's overlayfs leaves old mappings on the lower file.
      expect(['old', 'NEW']).toContain(await fs.mapread(map, 0, 3));
      expect((await fs.get('mapped')).slice(0, 11)).toBe('NEW content');
      const later = await fs.open('mapped', O_RDONLY);
      const fresh = await fs.map(later, 4096, true, false);
      expect(await fs.mapread(fresh, 0, 3)).toBe('NEW');
      for (const mapping of [map, fresh]) await fs.unmap(mapping);
      for (const fd of [reader, later, writer]) await fs.close(fd);
    });

    test('its locks are shared with handles from after the copy-up', async () => {
      const { fs } = stack;
      const other = stack.spawn();
      const reader = await fs.open('locked', O_RDONLY);
      await fs.flock(reader, LOCK_EX_NB);
      const theirs = await other.fs.open('locked', O_RDWR);
      await other.fs.pwrite(theirs, 'NEW', 0);
      expect(await other.errno.flock(theirs, LOCK_EX_NB)).toBe(follow ? 'EAGAIN' : 'OK');
      await other.fs.close(theirs);
      await fs.close(reader);
    });

    asRoot('a bind mount of it is read, cut and, where readers follow, written', async () => {
      const { fs, errno } = stack;
      const there = `${stack.base}/there`;
      await stack.layers.fs.put('there', '');
      const reader = await fs.open('bound', O_RDONLY);
      expect(await fs.run(['mount', '--bind', 'bound', there])).toMatchObject({ status: 0, err: '' });
      try {
        expect((await fs.get(there)).slice(0, 11)).toBe(OLD);
        if (follow) await fs.put_at(there, 'NEW', 0);
        else {
          expect(await errno.put_at(there, 'NEW', 0)).toBe('ESTALE');
          expect(await errno.put(there, 'none')).toBe('ESTALE');
          expect((await fs.get(there)).slice(0, 11)).toBe(OLD);
          await fs.put_at('bound', 'NEW', 0);
        }
        expect((await fs.get(there)).slice(0, 11)).toBe('NEW content');
        expect((await fs.get('bound')).slice(0, 11)).toBe('NEW content');
        await fs.truncate(there, 3);
        for (const path of [there, 'bound']) expect(await fs.get(path)).toBe('NEW');
        expect(seenByReaders.map((text) => text.slice(0, 3))).toContain(await fs.pread(reader, 3, 0));
        await fs.close(reader);
        await fs.append(there, ' and more');
        for (const path of [there, 'bound']) expect(await fs.get(path)).toBe('NEW and more');
      } finally {
        await fs.run(['umount', there]);
      }
    });

    asRoot('truncate(2) through a bind mount is seen by name', async () => {
      const { fs } = stack;
      const there = `${stack.base}/there-2`;
      await stack.layers.fs.put('there-2', '');
      const reader = await fs.open('bound-cut', O_RDONLY);
      expect(await fs.run(['mount', '--bind', 'bound-cut', there])).toMatchObject({ status: 0, err: '' });
      try {
        await fs.truncate(there, 3);
        for (const path of ['bound-cut', there, 'bound-cut', there]) {
          expect(await fs.stat(path)).toMatchObject({ size: 3 });
          expect(await fs.get(path)).toBe('old');
        }
        await fs.close(reader);
        await fs.put(there, 'over');
        for (const path of ['bound-cut', there]) expect(await fs.get(path)).toBe('over');
      } finally {
        await fs.run(['umount', there]);
      }
    });

    test('names and sizes are right in listings made while it is changed', async () => {
      const { fs } = stack;
      const readers = [await fs.open('listed', O_RDONLY), await fs.open('listed', O_RDONLY)];
      for (const round of ['1', '22', '333']) {
        await fs.put('listed', round);
        await fs.readdir('.');
        expect(await fs.stat('listed')).toMatchObject({ size: round.length });
        expect(await fs.get('listed')).toBe(round);
      }
      for (const fd of readers) await fs.close(fd);
    });
  });
}
