/** What a writable mount has for itself: its upper and its work directory, checked, locked, and fit for a union. */
import { UserError } from '../../lib/base/errors';
import type { Logger } from '../../lib/base/log';
import type { CheckedStack } from './check-layers';
import { probeWorkDirectory } from './check-layers';
import { lockDirectory, PrivateLock, refuseLiveOverlays } from './directory-lock';
import { WorkClaim } from './work-claim';

export interface Claim {
  readonly work: WorkClaim;
  /** The upper directory, opened for reading. */
  readonly upperFd: number;
  /** The mount is gone, or was refused: then nothing is to be left of it. The flocks go with the process. */
  release(refused: boolean): void;
}

/** @throws UserError where one is in use or unfit; then nothing has changed */
export function claimDirectories(
  { upper, work }: NonNullable<CheckedStack['writable']>,
  readOnly: boolean,
  xattrs: 'trusted' | 'user',
  log: Logger,
): Claim {
  refuseLiveOverlays([upper, work]);
  const lock = new PrivateLock(upper);
  let claim: WorkClaim | null = null;
  const release = (refused: boolean): void => {
    claim?.end();
    if (refused) claim?.undo();
    lock.release();
  };
  try {
    const upperFd = lockDirectory(upper, log);
    claim = new WorkClaim(work.path, work.fd);
    lockDirectory({ ...work, fd: claim.fd }, log);
    if (!readOnly) probeWorkDirectory(work.path, xattrs);
    return { work: claim, upperFd, release };
  } catch (error) {
    release(error instanceof UserError);
    throw error;
  }
}
