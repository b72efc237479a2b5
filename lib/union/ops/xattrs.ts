/** Extended attributes: those of the real file, without overlayfs's own. */
import type { ByteString, Name } from '../../base/bytes';
import { type Count, ENODATA, EOPNOTSUPP, ERANGE, type Errno, ESTALE, OK } from '../../base/errno';
import { type NodeId, UPPER } from '../../base/ids';
import { HAS_OTHERS } from '../../layer/private-xattr';
import { chmodAt } from '../../sys/attr';
import { newStat, statAt } from '../../sys/stat';
import { getxattr as get, removexattr as remove, setxattr as set, xattrNames } from '../../sys/xattr';
import { S_IFDIR, S_ISGID } from '../../vfs/flags';
import type { Call } from '../../vfs/types';
import { copyUp } from '../copy-up';
import type { Core } from '../core';
import type { Inode } from '../inode';
import { CAPABILITY, mayLoseCapabilities } from '../privileges';
import { mayDecorate } from '../protection';

const MODE_BITS = 0o7777;
const EMPTY = Buffer.alloc(0);
const TRUSTED = 'trusted.';

export function getxattr(core: Core, id: NodeId, name: ByteString, into: Buffer): Count {
  const inode = core.node(id)?.inode;
  return inode === undefined ? -ESTALE : xattrOf(core, inode, name, into);
}

/**
 * Programs and the kernel itself ask most files for xattrs that hardly any file has (ACLs, labels, capabilities).
 * A file that has none but overlayfs's own is remembered as bare, and what its file system says of a missing name as
 * well: from then on the answer costs no system call.
 */
export function xattrOf(core: Core, inode: Inode, name: ByteString, into: Buffer): Count {
  const place = core.placeOf(inode);
  if (place.fd < 0) return place.fd;
  if (inode.bare === null) {
    const has = core.xattrs.of(place.fd, place.name);
    if (has < 0) return has;
    inode.bare = (has & HAS_OTHERS) === 0;
  }
  if (!inode.bare) return get(place.fd, place.name, core.xattrs.toDisk(name), into);
  const missing = missingIn(core, inode);
  let answer = missing.get(name);
  if (answer === undefined) {
    answer = get(place.fd, place.name, core.xattrs.toDisk(name), into);
    const isNone = answer === -ENODATA || answer === -EOPNOTSUPP;
    if (isNone && missing.size < MISSING_NAMES) missing.set(name, answer);
  }
  return answer;
}

const MISSING_NAMES = 64;

function missingIn(core: Core, inode: Inode): Map<ByteString, Count> {
  const layer = inode.isDir ? inode.top.layer.index : inode.upper ? UPPER : inode.lowerDir!.layer.index;
  const key = layer * 16 + ((inode.isDir ? S_IFDIR : inode.type) >> 12);
  core.missingXattrs[key] ??= new Map();
  return core.missingXattrs[key];
}

/** Names in the trusted namespace are shown to the superuser only, as overlayfs does. */
export function listxattr(core: Core, call: Call, id: NodeId, into: Buffer): Count {
  const inode = core.node(id)?.inode;
  if (inode === undefined) return -ESTALE;
  const place = core.placeOf(inode);
  if (place.fd < 0) return place.fd;
  const names = xattrNames(place.fd, place.name);
  if (typeof names === 'number') return -names;
  let size = 0;
  let fits = true;
  for (const disk of names) {
    const name = core.xattrs.fromDisk(disk);
    if (name === null || (call.uid !== 0 && name.startsWith(TRUSTED))) continue;
    if (size + name.length + 1 <= into.length) {
      into.write(name, size, 'latin1');
      into[size + name.length] = 0;
    } else fits = false;
    size += name.length + 1;
  }
  return into.length > 0 && !fits ? -ERANGE : size;
}

export function setxattr(
  core: Core,
  call: Call,
  id: NodeId,
  name: ByteString,
  value: Buffer,
  flags: number,
  killSgid: boolean,
): Errno {
  const inode = core.node(id)?.inode;
  if (inode === undefined) return ESTALE;
  const errno = core.writable || mayDecorate(inode) || copyUp(core, call, inode);
  if (errno !== OK) return errno;
  const place = core.placeOf(inode);
  if (place.fd < 0) return -place.fd;
  inode.bare = null;
  const failed = set(place.fd, place.name, core.xattrs.toDisk(name), value, flags);
  if (failed !== OK || !killSgid) return failed;
  return dropSgid(place.fd, place.name);
}

const stat = newStat();

function dropSgid(fd: number, name: Name | null): Errno {
  return statAt(fd, name, stat) || chmodAt(fd, name, stat.mode & MODE_BITS & ~S_ISGID);
}

/** A name that is not there is answered before anything is copied up. */
export function removexattr(core: Core, call: Call, id: NodeId, name: ByteString): Errno {
  const inode = core.node(id)?.inode;
  if (inode === undefined) return ESTALE;
  const refused = mayDecorate(inode);
  if (refused !== OK) return core.writable || refused;
  const there = xattrOf(core, inode, name, EMPTY);
  if (there < 0 && (there === -ENODATA || there === -EOPNOTSUPP)) return -there;
  const errno =
    (name === CAPABILITY ? core.writable || mayLoseCapabilities(core, call, inode) : OK) ||
    copyUp(core, call, inode);
  if (errno !== OK) return errno;
  const place = core.placeOf(inode);
  return place.fd < 0 ? -place.fd : remove(place.fd, place.name, core.xattrs.toDisk(name));
}
