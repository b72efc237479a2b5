/**
 * Numbers of the FUSE protocol, version 7.45, as Linux gives them in include/uapi/linux/fuse.h. Structures are
 * laid out where they are read (ops/) and written (structs.ts).
 */

export const MAJOR = 7;
export const MINOR = 45;
/** Linux 4.20; before that, requests and replies have other sizes and no MAX_PAGES. */
export const OLDEST_MINOR = 28;

export const IN_HEADER_BYTES = 40;
export const OUT_HEADER_BYTES = 16;
export const ENTRY_BYTES = 128;
export const DIRENT_BYTES = 24;

export const PAGE_BYTES = 4096;
/** Pages in one READ or WRITE; more needs the administrator (fs.fuse.max_pages_limit). */
export const MAX_PAGES = 256;
export const MAX_WRITE = MAX_PAGES * PAGE_BYTES;

export const enum Opcode {
  LOOKUP = 1,
  FORGET = 2,
  GETATTR = 3,
  SETATTR = 4,
  READLINK = 5,
  SYMLINK = 6,
  MKNOD = 8,
  MKDIR = 9,
  UNLINK = 10,
  RMDIR = 11,
  RENAME = 12,
  LINK = 13,
  OPEN = 14,
  READ = 15,
  WRITE = 16,
  STATFS = 17,
  RELEASE = 18,
  FSYNC = 20,
  SETXATTR = 21,
  GETXATTR = 22,
  LISTXATTR = 23,
  REMOVEXATTR = 24,
  FLUSH = 25,
  INIT = 26,
  OPENDIR = 27,
  READDIR = 28,
  RELEASEDIR = 29,
  FSYNCDIR = 30,
  GETLK = 31,
  SETLK = 32,
  SETLKW = 33,
  ACCESS = 34,
  CREATE = 35,
  INTERRUPT = 36,
  BMAP = 37,
  DESTROY = 38,
  IOCTL = 39,
  POLL = 40,
  BATCH_FORGET = 42,
  FALLOCATE = 43,
  READDIRPLUS = 44,
  RENAME2 = 45,
  LSEEK = 46,
  COPY_FILE_RANGE = 47,
  SYNCFS = 50,
  TMPFILE = 51,
  STATX = 52,
  COPY_FILE_RANGE_64 = 53,
}

/** INIT flags 0–31. */
export const enum Init {
  ASYNC_READ = 1 << 0,
  ATOMIC_O_TRUNC = 1 << 3,
  BIG_WRITES = 1 << 5,
  DONT_MASK = 1 << 6,
  DO_READDIRPLUS = 1 << 13,
  READDIRPLUS_AUTO = 1 << 14,
  NO_OPEN_SUPPORT = 1 << 17,
  PARALLEL_DIROPS = 1 << 18,
  POSIX_ACL = 1 << 20,
  MAX_PAGES = 1 << 22,
  CACHE_SYMLINKS = 1 << 23,
  NO_OPENDIR_SUPPORT = 1 << 24,
  HANDLE_KILLPRIV_V2 = 1 << 28,
  SETXATTR_EXT = 1 << 29,
  INIT_EXT = 1 << 30,
}

/** INIT flags 32–63, shifted down by 32. */
export const enum Init2 {
  CREATE_SUPP_GROUP = 1 << 2,
  PASSTHROUGH = 1 << 5,
  NO_EXPORT_SUPPORT = 1 << 6,
  HAS_RESEND = 1 << 7,
}

/** fuse_open_out.open_flags. */
export const enum Fopen {
  DIRECT_IO = 1 << 0,
  KEEP_CACHE = 1 << 1,
  CACHE_DIR = 1 << 3,
  NOFLUSH = 1 << 5,
  PASSTHROUGH = 1 << 7,
}

/** fuse_setattr_in.valid. */
export const enum Fattr {
  MODE = 1 << 0,
  UID = 1 << 1,
  GID = 1 << 2,
  SIZE = 1 << 3,
  ATIME = 1 << 4,
  MTIME = 1 << 5,
  FH = 1 << 6,
  ATIME_NOW = 1 << 7,
  MTIME_NOW = 1 << 8,
  KILL_SUIDGID = 1 << 11,
}

export const GETATTR_FH = 1 << 0;
export const OPEN_KILL_SUIDGID = 1 << 0;
/** From the page cache: without a writeback cache, of a mapping. */
export const WRITE_CACHE = 1 << 0;
export const WRITE_KILL_SUIDGID = 1 << 2;
export const FSYNC_FDATASYNC = 1 << 0;
export const SETXATTR_ACL_KILL_SGID = 1 << 0;

/** fuse_ext_header.type of struct fuse_supp_groups. */
export const EXT_GROUPS = 32;

/** statx(2) masks. */
export const STATX_BASIC_STATS = 0x7ff;
export const STATX_BTIME = 0x800;

/** fuse_notify_code, sent as the error of a reply without a request. */
export const NOTIFY_INVAL_INODE = 2;
export const NOTIFY_STORE = 4;

/** Device ioctls: _IOW(229, 1, struct fuse_backing_map), _IOW(229, 2, uint32_t). */
export const DEV_IOC_BACKING_OPEN = 0x4010e501;
export const DEV_IOC_BACKING_CLOSE = 0x4004e502;

/** The only ioctls that reach a file system (linux/fs.h). */
export const FS_IOC_GETFLAGS = 0x80086601;
export const FS_IOC_SETFLAGS = 0x40086602;
export const FS_IOC_FSGETXATTR = 0x801c581f;
export const FS_IOC_FSSETXATTR = 0x401c5820;

/** What open(2) flags carry that concerns only the kernel: O_LARGEFILE, O_NOCTTY and __FMODE_EXEC. */
export const KERNEL_OPEN_FLAGS = 0o100000 | 0o400 | 0o40;
