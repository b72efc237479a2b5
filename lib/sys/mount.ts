/** Mounting: mount(2), umount2(2), and detached clones through open_tree(2) and mount_setattr(2). */
import type { ByteString } from '../base/bytes';
import type { Count, Errno } from '../base/errno';
import { countOf, cstr, cstr2, errnoOf, native, syscallNumber } from './libc';
import { AT_FDCWD, close } from './open';

const cMount = native('int mount(const void *, const void *, const void *, uint64_t, const void *)');
const cUmount2 = native('int umount2(const void *, int)');
const cOpenTree = native('int64_t syscall(int64_t, int64_t, const void *, int64_t)');
const cMountSetattr = native(
  'int64_t syscall(int64_t, int64_t, const void *, int64_t, const void *, int64_t)',
);
const OPEN_TREE = syscallNumber({ x64: 428, arm64: 428 });
const MOUNT_SETATTR = syscallNumber({ x64: 442, arm64: 442 });

export const MS_RDONLY = 1;
export const MS_NOSUID = 2;
export const MS_NODEV = 4;
export const MS_NOEXEC = 8;
export const MS_NOATIME = 1024;
const MS_PRIVATE = 0x40000;

export const MNT_FORCE = 1;
export const MNT_DETACH = 2;
export const UMOUNT_NOFOLLOW = 8;

/** mount(2). */
export function mount(
  source: ByteString,
  target: ByteString,
  type: ByteString,
  flags: number,
  data: ByteString,
): Errno {
  const terminated = (bytes: ByteString): Buffer => Buffer.from(`${bytes}\0`, 'latin1');
  return errnoOf(cMount(terminated(source), cstr(target), cstr2(type), flags, terminated(data)));
}

/** umount2(2); `flags`: MNT_FORCE, MNT_DETACH, UMOUNT_NOFOLLOW. */
export function umount(target: ByteString, flags: number): Errno {
  return errnoOf(cUmount2(cstr(target), flags));
}

/** mount(2) with MS_PRIVATE: mounts on top of what is in the mount at `target` propagate nowhere, and none to it. */
export function makePrivate(target: ByteString): Errno {
  return mount('' as ByteString, target, '' as ByteString, MS_PRIVATE, '' as ByteString);
}

const OPEN_TREE_CLONE = 1;
const OPEN_TREE_CLOEXEC = 0o2000000;
const AT_EMPTY_PATH = 0x1000;
const MOUNT_ATTR_RDONLY = 0x1;
const MOUNT_ATTR_NOATIME = 0x10;
/** The bits of all modes of access times. */
const MOUNT_ATTR_ATIME_MASK = 0x70;

/**
 * A detached, read-only clone of the mount that holds `path`, rooted there: nothing reached through it can be
 * written, nothing that is mounted on top of what is in it is seen through it, now or later, and it lives as long as
 * its descriptor. Needs CAP_SYS_ADMIN and Linux 5.12. Returns the descriptor.
 */
export function readOnlyClone(path: ByteString): Count {
  return cloneOf(AT_FDCWD, path, MOUNT_ATTR_RDONLY, 0);
}

/** The same of the directory behind a descriptor (O_PATH too), and writable. */
export function writableClone(dir: number, noatime: boolean): Count {
  return noatime
    ? cloneOf(dir, '' as ByteString, MOUNT_ATTR_NOATIME, MOUNT_ATTR_ATIME_MASK)
    : cloneOf(dir, '' as ByteString, 0, 0);
}

/** It is made private: mounts propagate even to detached clones of a shared mount (since Linux 6.15). */
function cloneOf(dir: number, path: ByteString, set: number, clear: number): Count {
  const flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (path === '' ? AT_EMPTY_PATH : 0);
  const fd = countOf(Number(cOpenTree(OPEN_TREE, dir, cstr(path), flags)));
  if (fd < 0) return fd;
  const attributes = Buffer.alloc(32);
  attributes.writeBigUInt64LE(BigInt(set), 0);
  attributes.writeBigUInt64LE(BigInt(clear), 8);
  attributes.writeBigUInt64LE(BigInt(MS_PRIVATE), 16);
  const errno = errnoOf(Number(cMountSetattr(MOUNT_SETATTR, fd, cstr(''), AT_EMPTY_PATH, attributes, 32)));
  if (errno === 0) return fd;
  close(fd);
  return -errno;
}
