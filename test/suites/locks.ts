/** flock and POSIX locks between processes, and statfs. */
import { O_RDWR } from '../../lib/vfs/flags';
import { dir, file } from '../support/layers';
import { useStack } from '../support/stack';
import type { Target } from '../support/targets';

const [LOCK_SH, LOCK_EX, LOCK_NB, LOCK_UN] = [1, 2, 4, 8];
const [F_RDLCK, F_WRLCK, F_UNLCK] = [0, 1, 2];

export function locksSuite(target: Target): void {
  describe('locks', () => {
    const stack = useStack(target, {
      lowers: [{ flock: file('x'), posix: file('x'.repeat(100)), blocking: file('x'), 'a/dir': dir() }],
    });

    test('flock keeps others out until it is let go', async () => {
      const { fs, errno } = stack;
      const other = stack.spawn();
      const [mine, theirs] = [await fs.open('flock', O_RDWR), await other.fs.open('flock', O_RDWR)];
      await fs.flock(mine, LOCK_EX);
      expect(await other.errno.flock(theirs, LOCK_EX | LOCK_NB)).toBe('EAGAIN');
      expect(await other.errno.flock(theirs, LOCK_SH | LOCK_NB)).toBe('EAGAIN');
      await fs.flock(mine, LOCK_SH);
      expect(await other.errno.flock(theirs, LOCK_SH | LOCK_NB)).toBe('OK');
      expect(await errno.flock(mine, LOCK_EX | LOCK_NB)).toBe('EAGAIN');
      await other.fs.close(theirs);
      expect(await errno.flock(mine, LOCK_EX | LOCK_NB)).toBe('OK');
      await fs.flock(mine, LOCK_UN);
      await fs.close(mine);
    });

    test('POSIX locks are by range and by process', async () => {
      const { fs } = stack;
      const other = stack.spawn();
      const [mine, theirs] = [await fs.open('posix', O_RDWR), await other.fs.open('posix', O_RDWR)];
      await fs.lock(mine, F_WRLCK, 10, 10);
      expect(await other.errno.lock(theirs, F_WRLCK, 15, 1)).toBe('EAGAIN');
      expect(await other.errno.lock(theirs, F_RDLCK, 19, 5)).toBe('EAGAIN');
      expect(await other.errno.lock(theirs, F_WRLCK, 20, 5)).toBe('OK');
      expect(await other.fs.getlock(theirs, F_WRLCK, 0, 100)).toMatchObject({
        kind: F_WRLCK,
        start: 10,
        length: 10,
      });
      await fs.lock(mine, F_UNLCK, 10, 5);
      expect(await other.errno.lock(theirs, F_WRLCK, 10, 5)).toBe('OK');
      expect(await other.errno.lock(theirs, F_WRLCK, 15, 5)).toBe('EAGAIN');
      await fs.close(mine);
      expect(await other.errno.lock(theirs, F_WRLCK, 15, 5)).toBe('OK');
      await other.fs.close(theirs);
    });

    test('a waiting lock is given when the other is let go', async () => {
      const { fs } = stack;
      const other = stack.spawn();
      const [mine, theirs] = [await fs.open('blocking', O_RDWR), await other.fs.open('blocking', O_RDWR)];
      await fs.lock(mine, F_WRLCK, 0, 0);
      let given = false;
      const waiting = other.fs.lock(theirs, F_WRLCK, 0, 0, true).then(() => (given = true));
      await fs.run(['sleep', '0.1']);
      expect(given).toBe(false);
      await fs.lock(mine, F_UNLCK, 0, 0);
      await waiting;
      expect(given).toBe(true);
    });

    test('statfs is that of the upper layer', async () => {
      const { fs, layers } = stack;
      const [mount, upper] = [await fs.statfs('a/dir'), await layers.fs.statfs('upper')];
      expect(mount.namelen).toBe(255);
      expect(mount.blocks * mount.frsize).toBe(upper.blocks * upper.frsize);
      expect(mount.bfree).toBeGreaterThan(0);
      expect(mount.files).toBe(upper.files);
    });
  });
}
