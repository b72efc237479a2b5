/**
 * The immutable and append-only flags of chattr(1). The kernel does not know of them in a FUSE file system, so they
 * are checked here, for upper and lower files alike, and at no cost: `guard` is part of every statx(2) answer.
 *
 *   immutable     nothing changes: copyUp and copyUpDir, where every change begins, refuse it
 *   append-only   a file only grows, a directory only gets names
 */
import { EPERM, type Errno, OK } from '../base/errno';
import { ioctl } from '../sys/io';
import { GUARD_APPEND, GUARD_IMMUTABLE } from '../sys/stat';
import { O_ACCMODE, O_APPEND, O_RDONLY, O_TRUNC } from '../vfs/flags';
import { type SetAttr, TimeSource } from '../vfs/types';
import type { Dir, File, Inode } from './inode';

export const FS_IOC_GETFLAGS = 0x80086601;
export const FS_IOC_SETFLAGS = 0x40086602;

export function isImmutable(inode: Inode): boolean {
  return (inode.guard & GUARD_IMMUTABLE) !== 0;
}

export function isAppendOnly(inode: Inode): boolean {
  return (inode.guard & GUARD_APPEND) !== 0;
}

/** May it get another name, or other xattrs? fs/namei.c:vfs_link, fs/xattr.c:xattr_permission. */
export function mayDecorate(inode: Inode): Errno {
  return inode.guard === 0 ? OK : EPERM;
}

/** fs/namei.c:may_delete. */
export function mayRemove(parent: Dir, inode: Inode): Errno {
  return parent.guard === 0 && inode.guard === 0 ? OK : EPERM;
}

/** fs/namei.c:may_open. */
export function mayOpen(file: File, flags: number): Errno {
  if (!isAppendOnly(file)) return OK;
  const overwrites = (flags & O_ACCMODE) !== O_RDONLY && (flags & O_APPEND) === 0;
  return overwrites || (flags & O_TRUNC) !== 0 ? EPERM : OK;
}

/** fs/attr.c:may_setattr and fs/open.c:vfs_truncate. */
export function maySetAttr(inode: Inode, { size, mode, uid, gid, atime, mtime }: SetAttr): Errno {
  if (!isAppendOnly(inode)) return OK;
  const touches = atime === mtime && atime !== TimeSource.Given;
  return size !== null || mode !== null || uid !== null || gid !== null || !touches ? EPERM : OK;
}

/**
 * Gives the upper copy of a protected file what protects it. Preconditions: it is in place, for it cannot be moved
 * any more. Without CAP_LINUX_IMMUTABLE the copy is an ordinary file.
 */
export function protect(fd: number, guard: number): void {
  const flags = Buffer.alloc(8);
  if (ioctl(fd, FS_IOC_GETFLAGS, flags) < 0) return;
  flags.writeUInt32LE((flags.readUInt32LE(0) | guard) >>> 0, 0);
  ioctl(fd, FS_IOC_SETFLAGS, flags);
}
