/** What a transport does not carry is refused with a clear errno, or answered as file systems without it do. */
import { setTimeout as sleep } from 'node:timers/promises';
import { O_RDWR, O_TMPFILE, SEEK_DATA, SEEK_HOLE } from '../../lib/vfs/flags';
import { file } from '../support/layers';
import { useStack } from '../support/stack';
import type { Target } from '../support/targets';

const ACCESS = 'system.posix_acl_access';
/** owner rw-, group r--, other r--. */
const PLAIN_ACL = `\x02\0\0\0${[
  [1, 6],
  [4, 4],
  [32, 4],
]
  .map(
    ([tag, permissions]) =>
      `${String.fromCharCode(tag!)}\0${String.fromCharCode(permissions!)}\0\xff\xff\xff\xff`,
  )
  .join('')}`;
const KEEP_SIZE = 1;
const GET_FLAGS = 0x80086601;

export function refusalsSuite(target: Target): void {
  const { supports } = target.traits;
  const missing = (capability: keyof typeof supports) => (supports[capability] ? test.skip : test);
  if (Object.values(supports).every(Boolean)) return;

  describe('what the transport does not carry', () => {
    const stack = useStack(target, {
      lowers: [{ lower: file('0123456789'), 'dir/open': file('x'), hole: file() }],
    });

    missing('tmpfile')('O_TMPFILE is EOPNOTSUPP', async () => {
      expect(await stack.errno.open('.', O_TMPFILE | O_RDWR, 0o600)).toBe('EOPNOTSUPP');
    });

    missing('fallocate')('fallocate is EOPNOTSUPP and changes nothing', async () => {
      const { fs, errno } = stack;
      const fd = await fs.open('lower', O_RDWR);
      expect(await errno.fallocate(fd, 0, 0, 100)).toBe('EOPNOTSUPP');
      expect(await errno.fallocate(fd, KEEP_SIZE, 0, 100)).toBe('EOPNOTSUPP');
      expect(await fs.get('lower')).toBe('0123456789');
      await fs.close(fd);
    });

    missing('seekHole')('SEEK_DATA and SEEK_HOLE take a file for data from start to end', async () => {
      const { fs, errno } = stack;
      const fd = await fs.open('hole', O_RDWR);
      await fs.ftruncate(fd, 8192);
      expect(await fs.lseek(fd, 10, SEEK_DATA)).toBe(10);
      expect(await fs.lseek(fd, 10, SEEK_HOLE)).toBe(8192);
      expect(await errno.lseek(fd, 8192, SEEK_DATA)).toBe('ENXIO');
      await fs.close(fd);
    });

    missing('ioctl')('ioctl is ENOTTY', async () => {
      const { fs, errno } = stack;
      const fd = await fs.open('lower', O_RDWR);
      expect(await errno.ioctl(fd, GET_FLAGS, '\0'.repeat(8))).toBe('ENOTTY');
      await fs.close(fd);
    });

    missing('posixAcls')(
      'setting an ACL is EOPNOTSUPP, also one that says no more than the mode',
      async () => {
        const { fs, errno } = stack;
        expect(await errno.setxattr('lower', ACCESS, PLAIN_ACL)).toBe('EOPNOTSUPP');
        expect(await errno.getxattr('lower', ACCESS)).toBe('ENODATA');
        expect((await fs.stat('lower')).mode).toBe(0o644);
      },
    );

    missing('namelessFiles')(
      'the directory of an unlinked open file is EBUSY until that is closed',
      async () => {
        const { fs, errno } = stack;
        const fd = await fs.open('dir/open', O_RDWR);
        await fs.unlink('dir/open');
        expect(await errno.rmdir('dir')).toBe('EBUSY');
        await fs.pwrite(fd, 'y', 0);
        expect(await fs.pread(fd, 5, 0)).toBe('y');
        await fs.close(fd);
        // The kernel does not wait for the answer to a RELEASE.
        for (let tries = 0; tries < 100 && (await errno.rmdir('dir')) === 'EBUSY'; tries++) await sleep(10);
        expect(await errno.stat('dir')).toBe('ENOENT');
        expect((await stack.layers.fs.stat('upper/dir')).type).toBe('char');
      },
    );
  });
}
