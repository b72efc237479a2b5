/** Flag values of Linux that cross the contract (x86-64 and arm64 agree on all but where said). */
import { constants } from 'node:fs';

export const {
  O_RDONLY,
  O_WRONLY,
  O_RDWR,
  O_CREAT,
  O_EXCL,
  O_TRUNC,
  O_APPEND,
  O_DIRECTORY,
  O_NOATIME,
  O_NOFOLLOW,
  O_NONBLOCK,
} = constants;
export const O_ACCMODE = 3;
export const O_PATH = 0o10000000;
export const O_CLOEXEC = 0o2000000;
/** Includes O_DIRECTORY, as open(2) wants it. */
export const O_TMPFILE = 0o20000000 | O_DIRECTORY;

export const { S_IFMT, S_IFREG, S_IFDIR, S_IFCHR, S_IFBLK, S_IFIFO, S_IFLNK, S_IFSOCK } = constants;
export const S_ISUID = 0o4000;
export const S_ISGID = 0o2000;

/** renameat2(2). */
export const RENAME_NOREPLACE = 1;
export const RENAME_EXCHANGE = 2;
export const RENAME_WHITEOUT = 4;

/** setxattr(2). */
export const XATTR_CREATE = 1;
export const XATTR_REPLACE = 2;

/** lseek(2). */
export const SEEK_DATA = 3;
export const SEEK_HOLE = 4;

/** The d_type of readdir(3) for a mode: the file type bits, shifted. */
export function dirTypeOf(mode: number): number {
  return (mode & S_IFMT) >> 12;
}
