/** The structures of replies, appended to a Reply. */
import type { Attr, Entry, Opened, StatFs } from '../vfs/types';
import { STATX_BASIC_STATS, STATX_BTIME } from './abi';
import type { Reply } from './reply';

/**
 * Seconds that names, absent names and (cacheable) attributes stay in the kernel's caches: for ever. Only this
 * process changes the view, and the kernel sees every change that it makes itself.
 */
export const NAME_VALID_SECONDS = 2 ** 31;
export const ATTR_VALID_SECONDS = 2 ** 31;
export const ABSENT_VALID_SECONDS = 2 ** 31;

/** new_encode_dev of linux/kdev_t.h. */
export function encodeDevice(major: number, minor: number): number {
  return ((minor & 0xff) | (major << 8) | ((minor & 0xfff00) << 12)) >>> 0;
}

export function deviceMajor(device: number): number {
  return (device & 0xfff00) >>> 8;
}

export function deviceMinor(device: number): number {
  return (device & 0xff) | ((device >>> 12) & 0xfff00);
}

function validSeconds(attr: Attr): number {
  return attr.cacheable ? ATTR_VALID_SECONDS : 0;
}

/** struct fuse_attr, 88 bytes. */
function putAttr(reply: Reply, attr: Attr): void {
  reply.u64(attr.ino);
  reply.u64(attr.size);
  reply.u64(attr.blocks);
  reply.u64(attr.atimeSec);
  reply.u64(attr.mtimeSec);
  reply.u64(attr.ctimeSec);
  reply.u32(attr.atimeNs);
  reply.u32(attr.mtimeNs);
  reply.u32(attr.ctimeNs);
  reply.u32(attr.mode);
  reply.u32(attr.nlink);
  reply.u32(attr.uid);
  reply.u32(attr.gid);
  reply.u32(encodeDevice(attr.rdevMajor, attr.rdevMinor));
  reply.u32(attr.blksize);
  reply.u32(0);
}

/** struct fuse_entry_out, 128 bytes. */
export function putEntry(reply: Reply, entry: Entry): void {
  reply.u64(entry.node);
  reply.u64(0);
  reply.u64(NAME_VALID_SECONDS);
  reply.u64(validSeconds(entry.attr));
  reply.u64(0);
  putAttr(reply, entry.attr);
}

/** struct fuse_entry_out for a name that is known to be absent. */
export function putAbsent(reply: Reply): void {
  reply.u64(0);
  reply.u64(0);
  reply.u64(ABSENT_VALID_SECONDS);
  reply.zeros(104);
}

/** struct fuse_attr_out, 104 bytes. */
export function putAttrOut(reply: Reply, attr: Attr): void {
  reply.u64(validSeconds(attr));
  reply.u64(0);
  putAttr(reply, attr);
}

/** struct fuse_open_out, 16 bytes. */
export function putOpened(reply: Reply, opened: Opened, flags: number, backing: number): void {
  reply.u64(opened.fh);
  reply.u32(flags);
  reply.u32(backing);
}

/** struct fuse_kstatfs, 80 bytes. */
export function putStatFs(reply: Reply, stat: StatFs): void {
  reply.u64(stat.blocks);
  reply.u64(stat.bfree);
  reply.u64(stat.bavail);
  reply.u64(stat.files);
  reply.u64(stat.ffree);
  reply.u32(stat.bsize);
  reply.u32(stat.namelen);
  reply.u32(stat.frsize);
  reply.zeros(28);
}

/** struct fuse_sx_time, 16 bytes. */
function putTime(reply: Reply, seconds: number, ns: number): void {
  reply.u64(seconds);
  reply.u32(ns);
  reply.u32(0);
}

/** struct fuse_statx_out, 288 bytes; the birth time only where it is asked for and known. */
export function putStatx(reply: Reply, attr: Attr, wanted: number): void {
  const btime = attr.hasBtime && (wanted & STATX_BTIME) !== 0;
  reply.u64(validSeconds(attr));
  reply.zeros(24);
  reply.u32(STATX_BASIC_STATS | (btime ? STATX_BTIME : 0));
  reply.u32(attr.blksize);
  reply.u64(0);
  reply.u32(attr.nlink);
  reply.u32(attr.uid);
  reply.u32(attr.gid);
  reply.u16(attr.mode);
  reply.u16(0);
  reply.u64(attr.ino);
  reply.u64(attr.size);
  reply.u64(attr.blocks);
  reply.u64(0);
  putTime(reply, attr.atimeSec, attr.atimeNs);
  putTime(reply, btime ? attr.btimeSec : 0, btime ? attr.btimeNs : 0);
  putTime(reply, attr.ctimeSec, attr.ctimeNs);
  putTime(reply, attr.mtimeSec, attr.mtimeNs);
  reply.u32(attr.rdevMajor);
  reply.u32(attr.rdevMinor);
  reply.zeros(8 + 14 * 8);
}
