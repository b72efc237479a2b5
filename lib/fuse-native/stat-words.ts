/**
 * The words that fuse-native.c makes a `struct stat` and a `struct statvfs` of (`populate_stat`,
 * `populate_statvfs`). Times are unsigned milliseconds: one before 1970 shows as 1970.
 *
 *   stat     0 mode  1 uid  2 gid  3-4 size  5 dev  6 nlink  7 ino  8 rdev  9 blksize  10-11 blocks
 *            12-13 atime  14-15 mtime  16-17 ctime
 *   statvfs  0 bsize  1 frsize  2 blocks  3 bfree  4 bavail  5 files  6 ffree  7 favail  8 fsid  9 flag  10 namemax
 */
import type { Attr, StatFs } from '../vfs/types';

export const STAT_WORDS = 18;
export const STATFS_WORDS = 11;
export const WORD_MODE = 0;
export const WORD_NLINK = 6;
export const WORD_INO = 7;

const WORD = 2 ** 32;

function putLong(words: Uint32Array, at: number, value: number): void {
  words[at] = value % WORD;
  words[at + 1] = Math.floor(value / WORD);
}

function milliseconds(seconds: number, nanoseconds: number): number {
  return Math.max(0, seconds * 1000 + Math.floor(nanoseconds / 1e6));
}

/** As the kernel encodes a device number in 32 bits (new_encode_dev). */
function deviceWord(major: number, minor: number): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

/** @param ino the inode number to show, of 32 bits */
export function putStat(words: Uint32Array, attr: Attr, ino: number): void {
  words[WORD_MODE] = attr.mode;
  words[1] = attr.uid;
  words[2] = attr.gid;
  putLong(words, 3, attr.size);
  words[5] = 0;
  words[WORD_NLINK] = attr.nlink;
  words[WORD_INO] = ino;
  words[8] = deviceWord(attr.rdevMajor, attr.rdevMinor);
  words[9] = attr.blksize;
  putLong(words, 10, attr.blocks);
  putLong(words, 12, milliseconds(attr.atimeSec, attr.atimeNs));
  putLong(words, 14, milliseconds(attr.mtimeSec, attr.mtimeNs));
  putLong(words, 16, milliseconds(attr.ctimeSec, attr.ctimeNs));
}

/** Counts that need more than 32 bits are told in larger blocks, so that sizes stay right. */
export function putStatFs(words: Uint32Array, statfs: StatFs): void {
  let unit = 1;
  while (statfs.blocks / unit >= WORD) unit *= 2;
  words[0] = Math.max(statfs.bsize, statfs.frsize * unit);
  words[1] = statfs.frsize * unit;
  words[2] = statfs.blocks / unit;
  words[3] = statfs.bfree / unit;
  words[4] = statfs.bavail / unit;
  words[5] = Math.min(statfs.files, WORD - 1);
  words[6] = Math.min(statfs.ffree, WORD - 1);
  words[7] = words[6];
  words[8] = 0;
  words[9] = 0;
  words[10] = statfs.namelen;
}

/** The device number of a request, taken apart (new_decode_dev). */
export function deviceOf(word: number): { major: number; minor: number } {
  return { major: (word >>> 8) & 0xfff, minor: (word & 0xff) | ((word >>> 12) & 0xfff00) };
}
