/** chmod, chown, utimens: each alone and together; and what clears set-ID bits and capabilities. */
import { O_RDONLY, O_RDWR, O_WRONLY } from '../../lib/vfs/flags';
import type { Actor } from '../support/actor';
import { dir, file, hardlink, OLD_TIME, symlink } from '../support/layers';
import { shownTime } from '../support/shown-times';
import { useStack } from '../support/stack';
import type { Target } from '../support/targets';

const CAPABILITY = 'security.capability';
/** VFS_CAP_REVISION_2 with CAP_NET_RAW effective and permitted. */
const NET_RAW = '\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0';
const SET_FLAGS = 0x40086602;
/** FS_NODUMP_FL, which changes nothing else. */
const NO_DUMP = '\x40\0\0\0\0\0\0\0';
const USER = { uid: 1001, gid: 1001 };

export function attributesSuite(target: Target): void {
  const shown = (time: string) => shownTime(target, time);
  const asRoot = target.traits.privileged ? test : test.skip;

  describe('attributes', () => {
    const stack = useStack(target, {
      lowers: [
        {
          mode: file('x', { mode: 0o644 }),
          folder: dir({ mode: 0o750 }),
          owner: file('x'),
          'owner-of-link': symlink('owner'),
          times: file('x'),
          'times-of-link': symlink('times'),
          'times-alone': file('x'),
          'times-now': file('x'),
          'times-dir/child': file(),
          ctime: file('x'),
          'through-link': file('x'),
          link: symlink('through-link'),
          ...Object.fromEntries(
            ['write', 'truncate', 'chown'].flatMap((how) => [
              [`${how}-by-user`, file('0123456789', { mode: 0o6777 })],
              [`${how}-by-root`, file('0123456789', { mode: 0o6777 })],
            ]),
          ),
          'caps-write': file('x', { mode: 0o777 }),
          'caps-chown': file('x', { mode: 0o777 }),
          'open-handle': file('x'),
          flags: file('x'),
          'flags-dir': dir(),
          linked: file('x'),
          'other-link': hardlink('linked'),
          'in/some/dir/f': file('x'),
        },
      ],
    });

    test('chmod sets all twelve bits, of files and directories', async () => {
      const { fs } = stack;
      for (const mode of [0, 0o4755, 0o1777, 0o7777, 0o600]) {
        await fs.chmod('mode', mode);
        expect((await fs.stat('mode')).mode).toBe(mode);
      }
      await fs.chmod('folder', 0o1733);
      expect((await fs.stat('folder')).mode).toBe(0o1733);
      await stack.remount();
      expect((await stack.fs.stat('mode')).mode).toBe(0o600);
      expect((await stack.fs.stat('folder')).mode).toBe(0o1733);
    });

    test('chmod leaves times and content alone, and renews ctime', async () => {
      const { fs } = stack;
      const before = await fs.stat('ctime');
      await fs.chmod('ctime', 0o600);
      const after = await fs.stat('ctime');
      expect(after).toMatchObject({ mtime: before.mtime, atime: before.atime, size: 1, ino: before.ino });
      expect(after.ctime > before.ctime).toBe(true);
    });

    test('chmod goes through a symlink and leaves it alone', async () => {
      const { fs } = stack;
      await fs.chmod('link', 0o604);
      expect((await fs.stat('through-link')).mode).toBe(0o604);
      expect((await fs.stat('link')).type).toBe('link');
    });

    asRoot('chown sets owner and group, each alone too', async () => {
      const { fs } = stack;
      await fs.chown('owner', 5, -1);
      expect(await fs.stat('owner')).toMatchObject({ uid: 5, gid: 0, mtime: shown(OLD_TIME) });
      await fs.chown('owner', -1, 6);
      expect(await fs.stat('owner')).toMatchObject({ uid: 5, gid: 6 });
      await fs.chown('owner', 70_000, 4_000_000_000);
      expect(await fs.stat('owner')).toMatchObject({ uid: 70_000, gid: 4_000_000_000 });
      await fs.chown('owner-of-link', 7, 8);
      expect(await fs.stat('owner-of-link')).toMatchObject({ uid: 7, gid: 8, type: 'link' });
      expect((await fs.stat('owner')).uid).toBe(70_000);
    });

    test('utimens sets nanoseconds, before 1970 and after 2038', async () => {
      const { fs } = stack;
      await fs.utimens('times', '1234567890.000000001', '1.999999999');
      expect(await fs.stat('times')).toMatchObject({
        atime: shown('1234567890.000000001'),
        mtime: shown('1.999999999'),
      });
      expect((await stack.layers.fs.stat('upper/times')).mtime).toBe('1.999999999');
      await fs.utimens('times', '4294967297.000000005', '4294967298.000000006');
      expect(await fs.stat('times')).toMatchObject({
        atime: shown('4294967297.000000005'),
        mtime: shown('4294967298.000000006'),
      });
      await fs.utimens('times', '-5.000000000', '-7.000000000');
      expect(await fs.stat('times')).toMatchObject({
        atime: shown('-5.000000000'),
        mtime: shown('-7.000000000'),
      });
      expect((await stack.layers.fs.stat('upper/times')).mtime).toBe('-7.000000000');
    });

    test('utimens omits what it is told to', async () => {
      const { fs } = stack;
      await fs.utimens('times-alone', '1100000000.000000001', 'omit');
      expect(await fs.stat('times-alone')).toMatchObject({
        atime: shown('1100000000.000000001'),
        mtime: shown(OLD_TIME),
      });
      await fs.utimens('times-alone', 'omit', '1200000000.000000002');
      expect(await fs.stat('times-alone')).toMatchObject({
        atime: shown('1100000000.000000001'),
        mtime: shown('1200000000.000000002'),
      });
      expect((await stack.layers.fs.stat('upper/times-alone')).mtime).toBe('1200000000.000000002');
    });

    test('utimens takes now', async () => {
      const { fs } = stack;
      await fs.utimens('times-now', 'omit', 'now');
      const mixed = await fs.stat('times-now');
      expect(mixed.atime).toBe(shown(OLD_TIME));
      expect(Math.abs(Number(mixed.mtime) - Date.now() / 1000)).toBeLessThan(60);
      await fs.utimens('times-now', 'now', OLD_TIME);
      expect((await fs.stat('times-now')).mtime).toBe(shown(OLD_TIME));
    });

    test('utimens of directories and symlinks', async () => {
      const { fs } = stack;
      await fs.utimens('times-dir', OLD_TIME, '1300000000.000000003');
      expect((await fs.stat('times-dir')).mtime).toBe(shown('1300000000.000000003'));
      await fs.utimens('times-of-link', OLD_TIME, '1300000000.000000004');
      expect(await fs.stat('times-of-link')).toMatchObject({
        type: 'link',
        mtime: shown('1300000000.000000004'),
      });
      await stack.remount();
      expect((await stack.fs.stat('times-dir')).mtime).toBe(shown('1300000000.000000003'));
    });

    test('an open handle sees and sets attributes', async () => {
      const { fs } = stack;
      const fd = await fs.open('open-handle', O_RDWR);
      await fs.chmod('open-handle', 0o640);
      expect((await fs.fstat(fd)).mode).toBe(0o640);
      await fs.fchmod(fd, 0o604);
      expect((await fs.stat('open-handle')).mode).toBe(0o604);
      await fs.close(fd);
    });

    test('writing and creating renew the times that they should', async () => {
      const { fs } = stack;
      await fs.mkdir('parent');
      await fs.put('parent/child', 'x');
      await fs.utimens('parent', OLD_TIME, OLD_TIME);
      await fs.utimens('parent/child', OLD_TIME, OLD_TIME);
      await fs.append('parent/child', 'y');
      expect((await fs.stat('parent/child')).mtime > OLD_TIME).toBe(true);
      expect((await fs.stat('parent')).mtime).toBe(shown(OLD_TIME));
      await fs.put('parent/new', '');
      expect((await fs.stat('parent')).mtime > OLD_TIME).toBe(true);
      await fs.utimens('parent', OLD_TIME, OLD_TIME);
      await fs.unlink('parent/new');
      expect((await fs.stat('parent')).mtime > OLD_TIME).toBe(true);
    });

    const withFlags = target.traits.supports.ioctl ? test : test.skip;
    withFlags('changing flags renews ctime, at once', async () => {
      const { fs } = stack;
      for (const path of ['flags', 'flags-dir']) {
        await fs.chmod(path, 0o755);
        const fd = await fs.open(path, O_RDONLY);
        const before = await fs.stat(path);
        await fs.ioctl(fd, SET_FLAGS, NO_DUMP);
        expect([path, (await fs.stat(path)).ctime > before.ctime]).toEqual([path, true]);
        await fs.close(fd);
      }
    });

    test('a copy-up shows at once, by links and ctime', async () => {
      for (const path of ['linked', 'in/some/dir/f']) {
        const { fs } = stack;
        const before = [await fs.stat(path), await fs.stat('in/some')];
        const fd = await fs.open(path, O_WRONLY);
        await fs.pwrite(fd, 'y', 0);
        const after = [await fs.stat(path), await fs.stat('in/some')];
        await fs.close(fd);
        expect(after[0]!.nlink).toBe(1);
        expect(after[0]!.ctime > before[0]!.ctime).toBe(true);
        if (path !== 'linked') expect(after[1]!.ctime > before[1]!.ctime).toBe(true);
        await stack.remount();
        expect((await stack.fs.stat(path)).nlink).toBe(1);
      }
    });

    asRoot.each(['write', 'truncate'])('%s by another user clears set-ID bits', async (how) => {
      await change(how, `${how}-by-user`, stack.spawn(USER));
      expect((await stack.fs.stat(`${how}-by-user`)).mode).toBe(0o777);
    });

    asRoot.each(['write', 'truncate'])('%s by root keeps set-ID bits', async (how) => {
      await change(how, `${how}-by-root`, stack.actor);
      expect((await stack.fs.stat(`${how}-by-root`)).mode).toBe(0o6777);
    });

    asRoot('chown clears set-ID bits, also by root', async () => {
      const { fs } = stack;
      await fs.chown('chown-by-root', 1001, 1001);
      expect((await fs.stat('chown-by-root')).mode).toBe(0o777);
      await fs.chown('chown-by-user', 1001, -1);
      await fs.chmod('chown-by-user', 0o6777);
      const owner = stack.spawn({ ...USER, groups: [1002] });
      await owner.fs.chown('chown-by-user', -1, 1002);
      expect(await fs.stat('chown-by-user')).toMatchObject({ mode: 0o777, gid: 1002 });
      expect(await owner.errno.chown('chown-by-user', -1, 1003)).toBe('EPERM');
    });

    asRoot('writing and changing the owner clear file capabilities', async () => {
      const { fs, errno } = stack;
      for (const path of ['caps-write', 'caps-chown']) {
        await fs.setxattr(path, CAPABILITY, NET_RAW);
        expect(await fs.getxattr(path, CAPABILITY)).toBe(NET_RAW);
      }
      const fd = await fs.open('caps-write', O_WRONLY);
      await fs.write(fd, 'y');
      await fs.close(fd);
      expect(await errno.getxattr('caps-write', CAPABILITY)).toBe('ENODATA');
      await fs.chown('caps-chown', 1001, 1001);
      expect(await errno.getxattr('caps-chown', CAPABILITY)).toBe('ENODATA');
    });
  });
}

async function change(how: string, path: string, { fs }: Actor): Promise<void> {
  if (how === 'truncate') return void (await fs.truncate(path, 3));
  const fd = await fs.open(path, O_WRONLY);
  await fs.write(fd, 'changed');
  await fs.close(fd);
}
