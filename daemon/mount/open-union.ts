/** Opens the union of a mount, on the thread that will serve it. */
import { UserError } from '../../lib/base/errors';
import { EXIT } from '../../lib/base/exit-codes';
import type { Logger } from '../../lib/base/log';
import type { ListingIndex } from '../../lib/index/index-store';
import { openUnion, type Union } from '../../lib/union/union';
import type { JobRunner } from '../../lib/vfs/jobs';
import type { ServingPlan } from './thread-messages';

/** @throws UserError where it cannot be opened, or would come to wait for itself */
export function openPlanned(plan: ServingPlan, jobs: JobRunner, log: Logger, index: ListingIndex): Union {
  const union = openUnion(plan.union, jobs, log, index);
  if (union.detached || plan.aroundMountpoint === null) return union;
  union.destroy();
  throw new UserError(
    'mountpoint-in-layer',
    `the mountpoint lies inside ${plan.aroundMountpoint}: the mount would wait for itself`,
    'mount it elsewhere, or as root, or inside unshare -Urm',
    EXIT.BAD_MOUNTPOINT,
  );
}
