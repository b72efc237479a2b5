/** The values that cross between a transport and a file system. All are plain and mutable so they can be reused. */
import type { Fh, Ino, NodeId } from '../base/ids';

/** A file's attributes, as statx(2) gives them. Times are seconds and nanoseconds since the epoch. */
export class Attr {
  ino = 0 as Ino;
  /** File type and permission bits. */
  mode = 0;
  nlink = 0;
  uid = 0;
  gid = 0;
  rdevMajor = 0;
  rdevMinor = 0;
  /** Bytes. */
  size = 0;
  /** Units of 512 bytes. */
  blocks = 0;
  /** Bytes. */
  blksize = 0;
  atimeSec = 0;
  atimeNs = 0;
  mtimeSec = 0;
  mtimeNs = 0;
  ctimeSec = 0;
  ctimeNs = 0;
  /** Birth time; `hasBtime` is false where the layer's file system keeps none. */
  hasBtime = false;
  btimeSec = 0;
  btimeNs = 0;
  /** May be kept in caches: it changes by requests about this node only. */
  cacheable = true;
}

/** A name's answer: a node and its attributes. Node 0 says that the name is absent and may be remembered so. */
export class Entry {
  node = 0 as NodeId;
  readonly attr = new Attr();
}

/** Where a time of a `SetAttr` comes from. */
export const enum TimeSource {
  /** Leave it alone (UTIME_OMIT). */
  Keep = 0,
  /** The time of the operation (UTIME_NOW). */
  Now = 1,
  /** The given seconds and nanoseconds. */
  Given = 2,
}

/** What setattr changes; null fields are left alone. */
export class SetAttr {
  /** Permission bits only. */
  mode: number | null = null;
  uid: number | null = null;
  gid: number | null = null;
  /** Bytes. */
  size: number | null = null;
  atime = TimeSource.Keep;
  atimeSec = 0;
  atimeNs = 0;
  mtime = TimeSource.Keep;
  mtimeSec = 0;
  mtimeNs = 0;
  /** Clear the set-user-ID and set-group-ID bits and file capabilities (FUSE_HANDLE_KILLPRIV_V2). */
  killPriv = false;
}

/** What open, create, tmpfile and opendir give back. */
export class Opened {
  fh = 0 as Fh;
  /** The kernel-side id of the backing file for passthrough, or 0 for I/O through read and write. */
  backing = 0;
  /** With a backing: read and write come here all the same, only mappings are of the backing file. */
  direct = false;
  /** Without a backing: what the page cache has of the node is still right. */
  keepCache = true;
}

/** statfs(2)'s answer. */
export class StatFs {
  blocks = 0;
  bfree = 0;
  bavail = 0;
  files = 0;
  ffree = 0;
  bsize = 0;
  frsize = 0;
  namelen = 0;
}

/** Who asks. One object per serving thread, refilled for every request. */
export class Call {
  uid = 0;
  gid = 0;
  pid = 0;
  /** The caller's umask, for operations that create. */
  umask = 0;
  /** A supplementary group of the caller that owns the parent directory (FUSE_CREATE_SUPP_GROUP), or -1. */
  group = -1;
  /**
   * The result of the job that this request was parked for, when it runs again; null on its first run. Where a
   * request may wait for jobs that others share, the file system has to know whose result it is.
   */
  jobResult: number | null = null;
  /** The job that this request waits for; set by the file system together with returning PARKED. */
  job = 0;
}
