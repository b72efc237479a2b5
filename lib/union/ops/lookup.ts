/** lookup and readlink. */
import type { Name } from '../../base/bytes';
import { type Count, EINVAL, type Errno, ESTALE, OK } from '../../base/errno';
import type { NodeId } from '../../base/ids';
import { readlinkInto } from '../../sys/names';
import { S_IFLNK } from '../../vfs/flags';
import type { Entry } from '../../vfs/types';
import type { Core } from '../core';
import { resolve } from '../resolve';

const ITSELF = '' as Name;

export function lookup(core: Core, parentId: NodeId, name: Name, out: Entry): Errno {
  const parent = core.dir(parentId);
  if (typeof parent === 'number') return parent;
  const inode = resolve(core, parent, name, core.stat);
  if (typeof inode === 'number') return inode;
  core.answer(inode, core.stat, out);
  return OK;
}

export function readlink(core: Core, id: NodeId, into: Buffer): Count {
  const inode = core.node(id)?.inode;
  if (inode === undefined) return -ESTALE;
  if (inode.isDir || inode.type !== S_IFLNK) return -EINVAL;
  const place = core.placeOf(inode);
  return place.fd < 0 ? place.fd : readlinkInto(place.fd, place.name ?? ITSELF, into);
}
