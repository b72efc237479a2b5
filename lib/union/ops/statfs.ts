/** statfs: the room in the upper layer, or of the newest layer of a read-only mount. */
import { type Errno, OK } from '../../base/errno';
import { statFsOf } from '../../sys/stat';
import type { StatFs } from '../../vfs/types';
import type { Core } from '../core';

export function statfs(core: Core, out: StatFs): Errno {
  const stat = statFsOf((core.upper ?? core.lowers[0]!).fd);
  if (typeof stat === 'number') return stat;
  out.blocks = stat.blocks;
  out.bfree = stat.bfree;
  out.bavail = stat.bavail;
  out.files = stat.files;
  out.ffree = stat.ffree;
  out.bsize = stat.bsize;
  out.frsize = stat.frsize;
  out.namelen = stat.namelen;
  return OK;
}
