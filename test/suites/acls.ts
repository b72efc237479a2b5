/** POSIX ACLs: kept, enforced, inherited, copied up. */
import { bigFile, dir, file, OLD_TIME, special } from '../support/layers';
import { useStack } from '../support/stack';
import type { Target } from '../support/targets';

const ACCESS = 'system.posix_acl_access';
const DEFAULT = 'system.posix_acl_default';
const NOBODY = 0xffffffff;
const TAGS = { owner: 1, user: 2, group: 4, named: 8, mask: 16, other: 32 };
type Entry = [tag: keyof typeof TAGS, permissions: number, id?: number];

/** An ACL as its extended attribute holds it: a version, then (tag, permissions, id) in the order of the tags. */
function acl(...entries: Entry[]): string {
  const bytes = Buffer.alloc(4 + entries.length * 8);
  bytes.writeUInt32LE(2);
  entries.forEach(([tag, permissions, id = NOBODY], at) => {
    bytes.writeUInt16LE(TAGS[tag], 4 + at * 8);
    bytes.writeUInt16LE(permissions, 6 + at * 8);
    bytes.writeUInt32LE(id, 8 + at * 8);
  });
  return bytes.toString('latin1');
}

export function aclsSuite(target: Target): void {
  const enforced = target.traits.supports.posixAcls ? test : test.skip;
  const id = target.traits.privileged ? 1001 : 0;
  const forUser = acl(['owner', 6], ['user', 6, id], ['group', 4], ['mask', 6], ['other', 0]);
  const inherited = acl(['owner', 7], ['user', 7, id], ['group', 5], ['mask', 7], ['other', 0]);

  const crowd = Array.from({ length: 1500 }, (_, at): Entry => ['user', 6, 2000 + at]);
  const forMany = acl(['owner', 7], ...crowd, ['group', 6], ['mask', 7], ['other', 0]);
  /** Only tmpfs has room for them, and in a user namespace there are no such users. */
  const hugeAcls = target.traits.privileged && process.env.STRATAFS_SCRATCH === undefined;

  describe('ACLs', () => {
    const stack = useStack(target, {
      lowers: [
        {
          lower: file('lower', { xattrs: { [ACCESS]: forUser }, mode: 0o660 }),
          'to-copy-up': file('lower', { xattrs: { [ACCESS]: forUser }, mode: 0o660 }),
          'to-set': file('x', { mode: 0o640 }),
          heirs: dir({ xattrs: { [DEFAULT]: inherited } }),
          'heirs/old': file(),
          ...(hugeAcls ? { crowded: dir({ xattrs: { [DEFAULT]: forMany } }), 'crowded/old': file() } : {}),
          secret: file('s', { mode: 0o600 }),
          masked: file('m', { mode: 0o640 }),
        },
      ],
    });

    test('an ACL of a lower file is read, and survives copy-up', async () => {
      const { fs } = stack;
      expect(await fs.getxattr('lower', ACCESS)).toBe(forUser);
      expect(await fs.listxattr('lower')).toEqual([ACCESS]);
      await fs.append('to-copy-up', '+');
      expect(await fs.getxattr('to-copy-up', ACCESS)).toBe(forUser);
      await stack.remount();
      expect(await stack.fs.getxattr('to-copy-up', ACCESS)).toBe(forUser);
      expect((await stack.fs.stat('to-copy-up')).mode).toBe(0o660);
    });

    (hugeAcls ? test : test.skip)('a default ACL of any size is inherited over a whiteout', async () => {
      const { fs, layers } = stack;
      await fs.unlink('crowded/old');
      await fs.put('crowded/old', 'x', 0o666);
      expect((await fs.stat('crowded/old')).mode).toBe(0o660);
      expect((await layers.fs.getxattr('upper/crowded/old', ACCESS)).length).toBe(forMany.length);
    });

    enforced('setting an ACL sets the mode, and chmod the mask', async () => {
      const { fs } = stack;
      await fs.setxattr(
        'to-set',
        ACCESS,
        acl(['owner', 7], ['user', 5, id], ['group', 1], ['mask', 5], ['other', 4]),
      );
      expect((await fs.stat('to-set')).mode).toBe(0o754);
      await fs.chmod('to-set', 0o620);
      expect(await fs.getxattr('to-set', ACCESS)).toBe(
        acl(['owner', 6], ['user', 5, id], ['group', 1], ['mask', 2], ['other', 0]),
      );
      await fs.removexattr('to-set', ACCESS);
      expect(await fs.listxattr('to-set')).toEqual([]);
    });

    enforced('an ACL that says no more than a mode becomes one', async () => {
      const { fs, errno } = stack;
      await fs.setxattr('masked', ACCESS, acl(['owner', 6], ['group', 0], ['other', 4]));
      expect((await fs.stat('masked')).mode).toBe(0o604);
      expect(await errno.getxattr('masked', ACCESS)).toBe('ENODATA');
    });

    enforced('a default ACL is inherited instead of the umask', async () => {
      const { fs, errno } = stack;
      await fs.umask(0o077);
      await fs.put('heirs/file', '', 0o666);
      await fs.mkdir('heirs/dir', 0o777);
      await fs.put('heirs/strict', '', 0o600);
      await fs.put('bystander', '', 0o666);
      await fs.umask(0);
      expect((await fs.stat('heirs/file')).mode).toBe(0o660);
      expect(await fs.getxattr('heirs/file', ACCESS)).toBe(
        acl(['owner', 6], ['user', 7, id], ['group', 5], ['mask', 6], ['other', 0]),
      );
      expect(await errno.getxattr('heirs/file', DEFAULT)).toBe('ENODATA');
      expect(await fs.getxattr('heirs/dir', DEFAULT)).toBe(inherited);
      expect((await fs.stat('heirs/dir')).mode).toBe(0o770);
      expect((await fs.stat('heirs/strict')).mode).toBe(0o600);
      expect((await fs.stat('bystander')).mode).toBe(0o600);
      await stack.remount();
      expect(await stack.fs.getxattr('heirs/dir', DEFAULT)).toBe(inherited);
    });

    test('what is no ACL, or not on such a file, is refused', async () => {
      const { errno } = stack;
      expect(await errno.setxattr('lower', ACCESS, 'rubbish')).toBe('EOPNOTSUPP');
      expect(
        await errno.setxattr('lower', ACCESS, acl(['owner', 6], ['user', 6, id], ['group', 4], ['other', 0])),
      ).toBe('EINVAL');
      expect(await errno.setxattr('lower', DEFAULT, inherited)).toBe('EACCES');
    });

    (target.traits.privileged ? enforced : test.skip)('an ACL lets in and keeps out', async () => {
      const { fs } = stack;
      const allowed = stack.spawn({ uid: 1001, gid: 1001 });
      const other = stack.spawn({ uid: 1002, gid: 1002 });
      expect(await allowed.errno.get('lower')).toBe('OK');
      expect(await other.errno.get('lower')).toBe('EACCES');
      expect(await allowed.errno.get('secret')).toBe('EACCES');
      await fs.setxattr(
        'secret',
        ACCESS,
        acl(['owner', 6], ['user', 4, 1001], ['group', 0], ['mask', 4], ['other', 0]),
      );
      expect(await allowed.fs.get('secret')).toBe('s');
      expect(await allowed.errno.append('secret', 'x')).toBe('EACCES');
      await fs.removexattr('secret', ACCESS);
      expect(await allowed.errno.get('secret')).toBe('EACCES');
      expect(await other.errno.setxattr('secret', ACCESS, forUser)).toBe('EPERM');
    });
  });

  describe('a work directory with a group and an ACL of its own', () => {
    const [group, whole] = target.traits.privileged ? [{ gid: 1002 }, 0o2777] : [{}, 0o777];
    const names = ['file', 'big', 'dir', 'fifo'];
    const stack = useStack(target, {
      work: { '.': dir({ mode: whole, ...group, xattrs: { [DEFAULT]: inherited } }) },
      lowers: [
        {
          file: file('secret', { mode: 0o640 }),
          big: bigFile(2 ** 20, { mode: 0o640 }),
          dir: dir({ mode: 0o750 }),
          fifo: special('fifo', { mode: 0o640 }),
          'a-file': file(),
          'a-dir': dir(),
        },
      ],
    });

    test('gives neither to what is copied up', async () => {
      const { fs } = stack;
      for (const path of names) {
        await fs.utimens(path, OLD_TIME, OLD_TIME);
        expect(await fs.stat(path)).toMatchObject({ mode: path === 'dir' ? 0o750 : 0o640, gid: 0 });
        expect([path, await fs.listxattr(path)]).toEqual([path, []]);
      }
    });

    test('gives neither to what is made in the place of a deleted name', async () => {
      const { fs } = stack;
      await fs.unlink('a-file');
      await fs.rmdir('a-dir');
      await fs.put('a-file', '', 0o640);
      await fs.mkdir('a-dir', 0o750);
      expect(await fs.stat('a-file')).toMatchObject({ mode: 0o640, gid: 0 });
      expect(await fs.stat('a-dir')).toMatchObject({ mode: 0o750, gid: 0 });
      expect([await fs.listxattr('a-file'), await fs.listxattr('a-dir')]).toEqual([[], []]);
    });
  });
}
