/** Who may do what, and to whom new files belong. */
import { dir, file } from '../support/layers';
import { useStack } from '../support/stack';
import type { Target } from '../support/targets';

const ALICE = { uid: 1001, gid: 1001 };
const BOB = { uid: 1002, gid: 1002, groups: [2000] };

export function permissionsSuite(target: Target): void {
  describe('a directory that may be entered and not read', () => {
    const closed = dir({ mode: 0o711, foreign: true });
    const stack = useStack(target, {
      lowers: [
        { 'below/f': file('f') },
        { closed, 'closed/f': file('f'), below: closed, 'below/g': file('g') },
      ],
    });

    test('gives what is named in it, and no list', async () => {
      const { fs, errno } = target.traits.privileged ? stack.spawn(ALICE) : stack.actor;
      for (const path of ['closed/f', 'below/f', 'below/g']) {
        expect(await fs.get(path)).toBe(path.at(-1));
      }
      expect(await errno.stat('closed/absent')).toBe('ENOENT');
      expect(await errno.names('closed')).toBe('EACCES');
      expect(await errno.get('closed/f')).toBe('OK');
    });
  });

  if (!target.traits.privileged) return;

  describe('permissions', () => {
    const stack = useStack(target, {
      lowers: [
        {
          private: file('p', { mode: 0o600 }),
          'private-dir': dir({ mode: 0o700 }),
          'private-dir/inner': file('i'),
          'of-alice': file('a', { ...ALICE, mode: 0o600 }),
          'of-alice-readable': file('a', { ...ALICE, mode: 0o644 }),
          'group-file': file('g', { gid: 2000, mode: 0o660 }),
          'group-dir': dir({ gid: 2000, mode: 0o2775 }),
          'open-dir': dir({ mode: 0o777 }),
          'open-dir/by-root': file('r'),
          sticky: dir({ mode: 0o1777 }),
          'sticky/of-alice': file('a', { ...ALICE, mode: 0o666 }),
          'no-search': dir({ ...ALICE, mode: 0o600 }),
          'no-search/inner': file('i'),
          execute: file('#!/bin/sh\n', { mode: 0o744 }),
        },
      ],
    });

    test('owner, group and others are told apart', async () => {
      const [alice, bob] = [stack.spawn(ALICE), stack.spawn(BOB)];
      expect(await alice.errno.get('private')).toBe('EACCES');
      expect(await alice.errno.get('of-alice')).toBe('OK');
      expect(await bob.errno.get('of-alice')).toBe('EACCES');
      expect(await bob.errno.get('of-alice-readable')).toBe('OK');
      expect(await bob.errno.append('of-alice-readable', 'x')).toBe('EACCES');
      expect(await bob.errno.truncate('of-alice-readable', 0)).toBe('EACCES');
      expect(await alice.errno.stat('private-dir/inner')).toBe('EACCES');
      expect(await alice.errno.names('private-dir')).toBe('EACCES');
      expect(await alice.errno.stat('no-search/inner')).toBe('EACCES');
      expect(await alice.errno.names('no-search')).toBe('OK');
      expect(await alice.fs.access('execute', 1)).toBe(false);
      expect(await stack.fs.access('execute', 1)).toBe(true);
    });

    test('supplementary groups count', async () => {
      const [alice, bob] = [stack.spawn(ALICE), stack.spawn(BOB)];
      expect(await alice.errno.get('group-file')).toBe('EACCES');
      await bob.fs.append('group-file', '+');
      expect(await stack.fs.stat('group-file')).toMatchObject({ uid: 0, gid: 2000, mode: 0o660, size: 2 });
    });

    test('changing attributes is for the owner', async () => {
      const [alice, bob] = [stack.spawn(ALICE), stack.spawn(BOB)];
      expect(await bob.errno.chmod('of-alice-readable', 0o777)).toBe('EPERM');
      expect(await bob.errno.utimens('of-alice-readable', '1.000000000', '1.000000000')).toBe('EPERM');
      expect(await bob.errno.utimens('of-alice-readable', 'now', 'now')).toBe('EACCES');
      expect(await bob.errno.chown('of-alice-readable', 1002, -1)).toBe('EPERM');
      expect(await alice.errno.chown('of-alice-readable', 1002, -1)).toBe('EPERM');
      expect(await alice.errno.chmod('of-alice-readable', 0o640)).toBe('OK');
      expect(await stack.fs.stat('of-alice-readable')).toMatchObject({ ...ALICE, mode: 0o640 });
    });

    test('a copy-up by its user leaves owner and mode as they were', async () => {
      const alice = stack.spawn(ALICE);
      await alice.fs.append('of-alice', '+');
      expect(await stack.fs.stat('of-alice')).toMatchObject({ ...ALICE, mode: 0o600, size: 2 });
      expect(await stack.layers.fs.stat('upper')).toMatchObject({ uid: 0, gid: 0, mode: 0o755 });
    });

    test('what is new belongs to its maker', async () => {
      const bob = stack.spawn({ ...BOB, umask: 0o027 });
      await bob.fs.put('open-dir/file', '');
      await bob.fs.mkdir('open-dir/dir');
      await bob.fs.symlink('x', 'open-dir/link');
      await bob.fs.mknod('open-dir/fifo', 'fifo');
      const owner = { uid: 1002, gid: 1002 };
      expect(await stack.fs.stat('open-dir/file')).toMatchObject({ ...owner, mode: 0o640 });
      expect(await stack.fs.stat('open-dir/dir')).toMatchObject({ ...owner, mode: 0o750 });
      expect(await stack.fs.stat('open-dir/link')).toMatchObject(owner);
      expect(await stack.fs.stat('open-dir/fifo')).toMatchObject({ ...owner, mode: 0o640 });
    });

    test('making and removing wants a writable directory, whosever the file is', async () => {
      const bob = stack.spawn(BOB);
      expect(await bob.errno.put('new', '')).toBe('EACCES');
      expect(await bob.errno.mkdir('new')).toBe('EACCES');
      expect(await bob.errno.unlink('private')).toBe('EACCES');
      expect(await bob.errno.rename('private', 'open-dir/stolen')).toBe('EACCES');
      expect(await bob.errno.unlink('open-dir/by-root')).toBe('OK');
    });

    test('a set-group-ID directory hands down its group', async () => {
      const bob = stack.spawn({ ...BOB, umask: 0o002 });
      await bob.fs.put('group-dir/file', '');
      await bob.fs.mkdir('group-dir/dir');
      expect(await stack.fs.stat('group-dir/file')).toMatchObject({ uid: 1002, gid: 2000, mode: 0o664 });
      expect(await stack.fs.stat('group-dir/dir')).toMatchObject({ uid: 1002, gid: 2000, mode: 0o2775 });
      await stack.fs.put('group-dir/by-root', '');
      expect((await stack.fs.stat('group-dir/by-root')).gid).toBe(2000);
    });

    test('in a sticky directory only the owner removes and renames', async () => {
      const [alice, bob] = [stack.spawn(ALICE), stack.spawn(BOB)];
      expect(await bob.errno.unlink('sticky/of-alice')).toBe('EPERM');
      expect(await bob.errno.rename('sticky/of-alice', 'sticky/of-bob')).toBe('EPERM');
      await bob.fs.put('sticky/of-bob', '');
      expect(await alice.errno.rename('sticky/of-alice', 'sticky/of-bob')).toBe('EPERM');
      expect(await alice.errno.unlink('sticky/of-alice')).toBe('OK');
    });
  });
}
