/** What a new upper file takes over from its lower twin besides the data: owner, xattrs, origin, mode and times. */
import type { ByteString, Name } from '../base/bytes';
import { ENODATA, EOPNOTSUPP, EPERM, type Errno, OK } from '../base/errno';
import { chmodAt, chownAt, utimesAt } from '../sys/attr';
import type { Stat } from '../sys/stat';
import { getxattr, setxattr, XATTR_SIZE_MAX, xattrNames } from '../sys/xattr';
import { S_IFLNK, S_IFMT, S_ISGID, S_ISUID } from '../vfs/flags';
import type { Core } from './core';

const MODE_BITS = 0o7777;
const SET_ID = S_ISUID | S_ISGID;

/**
 * Gives a new upper file everything of its lower twin but the data. The owner comes first: changing it clears
 * capabilities and set-ID bits, as writing the data has done where we may not keep them (CAP_FSETID).
 * @param to null for an open file, which was made with its mode
 */
export function dress(
  core: Core,
  lower: Stat,
  fromDir: number,
  from: Name | null,
  toDir: number,
  to: Name | null,
  origin: Buffer | null,
): Errno {
  const { uid, gid, mode, atimeSec, atimeNs, mtimeSec, mtimeNs } = lower;
  const owned = core.isOwn(uid, gid);
  // Set-ID bits are gone where the data was written without CAP_FSETID.
  const hasMode = (owned && to === null && (mode & SET_ID) === 0) || (mode & S_IFMT) === S_IFLNK;
  return (
    (owned ? OK : chownAt(toDir, to, uid, gid)) ||
    copyXattrs(core, fromDir, from, toDir, to) ||
    setOrigin(core, toDir, to, origin) ||
    (hasMode ? OK : chmodAt(toDir, to, mode & MODE_BITS)) ||
    utimesAt(toDir, to, atimeSec, atimeNs, mtimeSec, mtimeNs)
  );
}

const value = Buffer.alloc(XATTR_SIZE_MAX);

/** Copies all xattrs but overlayfs's own; those that the upper file system has no room or name for are an error. */
function copyXattrs(core: Core, fromDir: number, from: Name | null, toDir: number, to: Name | null): Errno {
  const names = xattrNames(fromDir, from);
  if (typeof names === 'number') return names === EOPNOTSUPP ? OK : names;
  for (const key of names) {
    if (core.xattrs.fromDisk(key) === null) continue;
    const size = getxattr(fromDir, from, key, value);
    if (size === -ENODATA) continue;
    if (size < 0) return -size;
    const errno = setxattr(toDir, to, key, value.subarray(0, size));
    if (errno !== OK && !mayBeLost(key, errno)) return errno;
  }
  return OK;
}

/** ACLs that the upper file system does not keep, and labels that a user namespace may not set, are let go. */
function mayBeLost(key: ByteString, errno: Errno): boolean {
  return (errno === EOPNOTSUPP && key.startsWith('system.')) || (errno === EPERM && !key.startsWith('user.'));
}

function setOrigin(core: Core, dir: number, name: Name | null, origin: Buffer | null): Errno {
  if (origin === null) return OK;
  return unlessUnsupported(setxattr(dir, name, core.xattrs.origin, origin));
}

/** Where origins cannot be kept, files are copied up without. */
export function unlessUnsupported(errno: Errno): Errno {
  return errno === EOPNOTSUPP || errno === EPERM ? OK : errno;
}
