/** getattr and setattr. */

import { bytesFromText, type Name } from '../../base/bytes';
import { EPERM, type Errno, ESTALE, OK } from '../../base/errno';
import type { NodeId } from '../../base/ids';
import { chmodAt, chownAt, ftruncate, KEEP_ID, UTIME_NOW, UTIME_OMIT, utimesAt } from '../../sys/attr';
import { newStat, statAt } from '../../sys/stat';
import { removexattr } from '../../sys/xattr';
import { S_IFREG, S_ISGID, S_ISUID } from '../../vfs/flags';
import { type Attr, type Call, type SetAttr, TimeSource } from '../../vfs/types';
import { copyUp } from '../copy-up';
import type { Core } from '../core';
import type { File, Inode, Node } from '../inode';
import { maySetAttr } from '../protection';

const CAPABILITY = bytesFromText('security.capability');
const GROUP_EXECUTE = 0o010;
const MODE_BITS = 0o7777;
const WRITABLE_BY_OTHERS = 0o022;

export function getattr(core: Core, id: NodeId, out: Attr): Errno {
  const inode = core.node(id)?.inode;
  if (inode === undefined) return ESTALE;
  const errno = core.statOf(inode, core.stat);
  if (errno === OK) core.fill(inode, core.stat, out);
  return errno;
}

export function setattr(core: Core, call: Call, id: NodeId, change: SetAttr, out: Attr): Errno {
  const node = core.node(id);
  if (node === undefined) return ESTALE;
  const inode = node.inode;
  const errno =
    core.writable ||
    maySetAttr(inode, change) ||
    copyUp(core, call, inode, change.size ?? undefined) ||
    apply(core, call, node, inode, change);
  return errno === OK ? getattr(core, id, out) : errno;
}

function apply(core: Core, call: Call, node: Node, inode: Inode, change: SetAttr): Errno {
  let errno = OK;
  if (change.size !== null) {
    if (inode.isDir || inode.type !== S_IFREG) return ESTALE;
    errno = truncate(core, node, inode, change.size, false);
    if (errno !== OK) return errno;
  }
  const place = core.placeOf(inode);
  const { fd, name } = place;
  if (fd < 0) return -fd;
  if (change.uid !== null || change.gid !== null) {
    errno = chownAt(fd, name, change.uid ?? KEEP_ID, change.gid ?? KEEP_ID);
    if (errno !== OK) return errno;
  }
  if (change.mode !== null) errno = chmodAt(fd, name, change.mode & MODE_BITS);
  else if (!inode.isDir && isEmpty(change)) errno = dropAsOther(call, fd, name);
  else if (!inode.isDir && change.killPriv) errno = dropPrivileges(fd, name);
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

/**
 * A change of nothing is what is left of the kernel's own "clear set-ID bits and capabilities" (chown without ids,
 * fallocate, copy_file_range and passthrough writes by others) under FUSE_HANDLE_KILLPRIV_V2.
 */
function isEmpty(change: SetAttr): boolean {
  const { mode, uid, gid, size, atime, mtime } = change;
  const times = atime !== TimeSource.Keep || mtime !== TimeSource.Keep;
  return mode === null && uid === null && gid === null && size === null && !times;
}

/** EPERM for who can neither own nor write the file: chown(2) without ids comes unchecked. */
function dropAsOther(call: Call, fd: number, name: Name | null): Errno {
  const errno = statAt(fd, name, stat);
  if (errno !== OK) return errno;
  const may = call.uid === 0 || call.uid === stat.uid || (stat.mode & WRITABLE_BY_OTHERS) !== 0;
  return may ? dropPrivileges(fd, name) : EPERM;
}

function nsOf(source: TimeSource, ns: number): number {
  if (source === TimeSource.Given) return ns;
  return source === TimeSource.Now ? UTIME_NOW : UTIME_OMIT;
}

/** Cuts or grows an upper file. Who has the lower one open keeps that, and the name gets a new node. */
export function truncate(core: Core, node: Node, file: File, size: number, killPriv: boolean): Errno {
  const open = core.files.of(file);
  if (typeof open === 'number') return -open;
  const errno = ftruncate(open.fd, size) || (killPriv ? dropPrivileges(open.fd, null) : OK);
  if (errno === OK && core.mustRetire(node)) core.retire(node);
  return errno;
}

const stat = newStat();

/** Clears the set-user-ID bit, the set-group-ID bit of what its group may execute, and file capabilities. */
export function dropPrivileges(fd: number, name: Name | null): Errno {
  const errno = statAt(fd, name, stat);
  if (errno !== OK) return errno;
  let mode = stat.mode & MODE_BITS & ~S_ISUID;
  if ((mode & GROUP_EXECUTE) !== 0) mode &= ~S_ISGID;
  removexattr(fd, name, CAPABILITY);
  return mode === (stat.mode & MODE_BITS) ? OK : chmodAt(fd, name, mode);
}
