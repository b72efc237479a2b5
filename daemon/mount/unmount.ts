/** Unmounting, by the mount's own process and by the command. */
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type ByteString, shown } from '../../lib/base/bytes';
import { EBUSY, EINVAL, EPERM, type Errno, errnoName } from '../../lib/base/errno';
import { UserError } from '../../lib/base/errors';
import { EXIT } from '../../lib/base/exit-codes';
import { holdersOf } from './holders';

/**
 * Unmounts on a thread of its own: the kernel may have data of that mount to write back first, whose requests need
 * this process's other threads.
 */
export function unmountOffThread(mountpoint: ByteString, lazy: boolean): Promise<Errno> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(join(__dirname, 'unmount-worker.js'), { workerData: { mountpoint, lazy } });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

/** What a failed unmount is to the user. */
export function unmountError(mountpoint: ByteString, errno: Errno): UserError {
  const named = shown(mountpoint);
  if (errno === EBUSY) {
    const holders = holdersOf(mountpoint);
    const who = holders.length > 0 ? ` by ${holders.join(', ')}` : '';
    return new UserError('busy', `${named} is busy: in use${who}`, 'end those, or use --lazy', EXIT.BUSY);
  }
  if (errno === EINVAL) return new UserError('not-mounted', `${named} is not mounted`, '', EXIT.NOT_MOUNTED);
  if (errno === EPERM) {
    return new UserError(
      'not-permitted',
      `not permitted to unmount ${named}`,
      'ask who mounted it, or root',
      EXIT.NO_PRIVILEGE,
    );
  }
  return new UserError('unmount-failed', `cannot unmount ${named}: ${errnoName(errno)}`, '', EXIT.FAILURE);
}
