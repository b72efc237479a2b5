/** getattr and setattr. */

import type { Name } from '../../base/bytes';
import { type Errno, ESTALE, OK } from '../../base/errno';
import type { NodeId } from '../../base/ids';
import { chmodAt, chownAt, ftruncate, KEEP_ID, UTIME_NOW, UTIME_OMIT, utimesAt } from '../../sys/attr';
import { newStat, statAt } from '../../sys/stat';
import { S_IFREG } from '../../vfs/flags';
import { type Attr, type Call, type SetAttr, TimeSource } from '../../vfs/types';
import { copyUp } from '../copy-up';
import type { Core } from '../core';
import type { File, Inode, Node } from '../inode';
import { keepFromCache } from '../link-counts';
import { loses, newLoss } from '../privileges';
import { maySetAttr } from '../protection';

const MODE_BITS = 0o7777;
/** What the change under way takes from its file besides. */
const loss = newLoss();

export function getattr(core: Core, id: NodeId, out: Attr): Errno {
  const inode = core.node(id)?.inode;
  if (inode === undefined) return ESTALE;
  const errno = core.statOf(inode, core.stat);
  if (errno !== OK) return errno;
  if (!inode.isDir && inode.linkLostAt !== 0) keepFromCache(core.kernel, inode, id);
  core.fill(inode, core.stat, out);
  return OK;
}

export function setattr(core: Core, call: Call, id: NodeId, change: SetAttr, out: Attr): Errno {
  const node = core.node(id);
  if (node === undefined) return ESTALE;
  const inode = node.inode;
  const errno =
    core.writable ||
    maySetAttr(inode, change) ||
    loses(core, call, node, change, loss) ||
    (loss.nothing
      ? OK
      : copyUp(core, call, inode, change.size ?? undefined) || apply(core, node, inode, change));
  return errno === OK ? getattr(core, id, out) : errno;
}

function apply(core: Core, node: Node, inode: Inode, change: SetAttr): Errno {
  let errno = OK;
  if (change.size !== null) {
    if (inode.isDir || inode.type !== S_IFREG) return ESTALE;
    errno = truncate(core, node, inode, change.size);
    if (errno !== OK) return errno;
  }
  const place = core.placeOf(inode);
  const { fd, name } = place;
  if (fd < 0) return -fd;
  if (change.uid !== null || change.gid !== null || loss.chowns) {
    errno = chownAt(fd, name, change.uid ?? KEEP_ID, change.gid ?? KEEP_ID);
    if (errno !== OK) return errno;
  }
  if (change.mode !== null) errno = chmodAt(fd, name, change.mode & MODE_BITS);
  else if (loss.bits !== 0) errno = clearBits(fd, name, loss.bits);
  if (errno !== OK) return errno;
  if (change.atime === TimeSource.Keep && change.mtime === TimeSource.Keep) return OK;
  return utimesAt(
    fd,
    name,
    change.atimeSec,
    nsOf(change.atime, change.atimeNs),
    change.mtimeSec,
    nsOf(change.mtime, change.mtimeNs),
  );
}

function nsOf(source: TimeSource, ns: number): number {
  if (source === TimeSource.Given) return ns;
  return source === TimeSource.Now ? UTIME_NOW : UTIME_OMIT;
}

/** Cuts or grows an upper file. Who has the lower one open keeps that, and the name gets a new node. */
export function truncate(core: Core, node: Node, file: File, size: number): Errno {
  const open = core.files.of(file);
  if (typeof open === 'number') return -open;
  const errno = ftruncate(open.fd, size);
  if (errno === OK && core.mustRetire(node)) core.retire(node);
  return errno;
}

const stat = newStat();

/** Clears mode bits, those that are still there. */
export function clearBits(fd: number, name: Name | null, bits: number): Errno {
  const errno = statAt(fd, name, stat);
  if (errno !== OK || (stat.mode & bits) === 0) return errno;
  return chmodAt(fd, name, stat.mode & MODE_BITS & ~bits);
}
