/** statx(2) and statfs(2): attributes of files and of whole file systems. */
import type { ByteString } from '../base/bytes';
import type { Errno } from '../base/errno';
import { cstr, errnoOf, native } from './libc';

const cStatx = native('int statx(int, const void *, int, uint, void *)');
const cFstatfs = native('int fstatfs(int, void *)');

const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EMPTY_PATH = 0x1000;
/** STATX_BASIC_STATS | STATX_BTIME. */
const WANTED = 0xfff;
const STATX_BTIME = 0x800;

const raw = Buffer.alloc(256);
const view = new DataView(raw.buffer, raw.byteOffset, raw.length);

/** STATX_ATTR_IMMUTABLE and STATX_ATTR_APPEND; FS_IMMUTABLE_FL and FS_APPEND_FL have the same values. */
export const GUARD_IMMUTABLE = 0x10;
export const GUARD_APPEND = 0x20;
const GUARDS = GUARD_IMMUTABLE | GUARD_APPEND;

/** What statx(2) says of a file, decoded on demand from the buffer of the last successful call. */
export interface Stat {
  mode: number;
  nlink: number;
  uid: number;
  gid: number;
  /** The real inode number; exact below 2^53. */
  ino: number;
  /** Bytes. */
  size: number;
  /** Units of 512 bytes. */
  blocks: number;
  blksize: number;
  atimeSec: number;
  atimeNs: number;
  mtimeSec: number;
  mtimeNs: number;
  ctimeSec: number;
  ctimeNs: number;
  hasBtime: boolean;
  btimeSec: number;
  btimeNs: number;
  rdevMajor: number;
  rdevMinor: number;
  devMajor: number;
  devMinor: number;
  /** GUARD_* bits: what chattr(1) protects it from. */
  guard: number;
}

export function newStat(): Stat {
  return {
    mode: 0,
    nlink: 0,
    uid: 0,
    gid: 0,
    ino: 0,
    size: 0,
    blocks: 0,
    blksize: 0,
    atimeSec: 0,
    atimeNs: 0,
    mtimeSec: 0,
    mtimeNs: 0,
    ctimeSec: 0,
    ctimeNs: 0,
    hasBtime: false,
    btimeSec: 0,
    btimeNs: 0,
    rdevMajor: 0,
    rdevMinor: 0,
    devMajor: 0,
    devMinor: 0,
    guard: 0,
  };
}

function u64(offset: number): number {
  return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 0x1_0000_0000;
}

function s64(offset: number): number {
  return view.getUint32(offset, true) + view.getInt32(offset + 4, true) * 0x1_0000_0000;
}

/** struct statx of linux/stat.h. */
function decode(out: Stat): void {
  out.hasBtime = (view.getUint32(0, true) & STATX_BTIME) !== 0;
  out.blksize = view.getUint32(4, true);
  out.guard = view.getUint32(8, true) & GUARDS;
  out.nlink = view.getUint32(16, true);
  out.uid = view.getUint32(20, true);
  out.gid = view.getUint32(24, true);
  out.mode = view.getUint16(28, true);
  out.ino = u64(32);
  out.size = u64(40);
  out.blocks = u64(48);
  out.atimeSec = s64(64);
  out.atimeNs = view.getUint32(72, true);
  out.btimeSec = s64(80);
  out.btimeNs = view.getUint32(88, true);
  out.ctimeSec = s64(96);
  out.ctimeNs = view.getUint32(104, true);
  out.mtimeSec = s64(112);
  out.mtimeNs = view.getUint32(120, true);
  out.rdevMajor = view.getUint32(128, true);
  out.rdevMinor = view.getUint32(132, true);
  out.devMajor = view.getUint32(136, true);
  out.devMinor = view.getUint32(140, true);
}

const EMPTY = Buffer.alloc(1);

/** statx(2) of a name in a directory, not followed; of the descriptor `dir` itself (O_PATH too) where it is null. */
export function statAt(dir: number, name: ByteString | null, out: Stat): Errno {
  const result =
    name === null
      ? cStatx(dir, EMPTY, AT_EMPTY_PATH, WANTED, raw)
      : cStatx(dir, cstr(name), AT_SYMLINK_NOFOLLOW, WANTED, raw);
  if (result < 0) return errnoOf(-1);
  decode(out);
  return 0;
}

/** What fstatfs(2) says, in the units of struct statfs. */
export interface StatFsResult {
  type: number;
  bsize: number;
  blocks: number;
  bfree: number;
  bavail: number;
  files: number;
  ffree: number;
  namelen: number;
  frsize: number;
}

/** fstatfs(2), or its errno. */
export function statFsOf(fd: number): StatFsResult | Errno {
  const buffer = Buffer.alloc(120);
  const errno = errnoOf(cFstatfs(fd, buffer));
  if (errno !== 0) return errno;
  const field = (index: number): number => Number(buffer.readBigUInt64LE(index * 8));
  return {
    type: field(0),
    bsize: field(1),
    blocks: field(2),
    bfree: field(3),
    bavail: field(4),
    files: field(5),
    ffree: field(6),
    namelen: field(8),
    frsize: field(9),
  };
}
