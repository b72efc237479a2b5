/**
 * Extended attributes, of an open descriptor or of a name in a directory. A name is reached as
 * /proc/self/fd/DIR/NAME with the l*xattr calls, which do not follow a symlink in the last component; O_PATH
 * descriptors are reached as /proc/self/fd/FD. What is called most goes without /proc where the kernel lets it:
 * listing a name (listxattrat(2), Linux 6.13) and setting on a descriptor that is not O_PATH.
 */
import { type ByteString, bytesOf, type Name } from '../base/bytes';
import type { Count, Errno } from '../base/errno';
import { EBADF, ENOSYS, ERANGE } from '../base/errno';
import { countOf, cstr, cstr2, errnoOf, native, syscallNumber } from './libc';

const cLgetxattr = native('int64_t lgetxattr(const void *, const void *, void *, size_t)');
const cLsetxattr = native('int lsetxattr(const void *, const void *, const void *, size_t, int)');
const cLlistxattr = native('int64_t llistxattr(const void *, void *, size_t)');
const cLremovexattr = native('int lremovexattr(const void *, const void *)');
const cGetxattr = native('int64_t getxattr(const void *, const void *, void *, size_t)');
const cSetxattr = native('int setxattr(const void *, const void *, const void *, size_t, int)');
const cListxattr = native('int64_t listxattr(const void *, void *, size_t)');
const cRemovexattr = native('int removexattr(const void *, const void *)');
const cFsetxattr = native('int fsetxattr(int, const void *, const void *, size_t, int)');
const cListxattrat = native('int64_t syscall(int64_t, int64_t, const void *, int64_t, void *, int64_t)');
const LISTXATTRAT = syscallNumber({ x64: 465, arm64: 465 });
const AT_SYMLINK_NOFOLLOW = 0x100;

/** Where an xattr lives: a name in a directory, or (name null) the descriptor itself, O_PATH or not. */
function path(dir: number, name: Name | null): Buffer {
  return cstr(name === null ? `/proc/self/fd/${dir}` : `/proc/self/fd/${dir}/${name}`);
}

/** An empty `into` asks for the size. */
export function getxattr(dir: number, name: Name | null, key: ByteString, into: Buffer): Count {
  const call = name === null ? cGetxattr : cLgetxattr;
  return countOf(call(path(dir, name), cstr2(key), into.length === 0 ? null : into, into.length));
}

/** `flags`: 0, XATTR_CREATE or XATTR_REPLACE. */
export function setxattr(dir: number, name: Name | null, key: ByteString, value: Buffer, flags = 0): Errno {
  if (name === null) {
    const errno = errnoOf(cFsetxattr(dir, cstr2(key), value, value.length, flags));
    if (errno !== EBADF) return errno;
  }
  const call = name === null ? cSetxattr : cLsetxattr;
  return errnoOf(call(path(dir, name), cstr2(key), value, value.length, flags));
}

let haveListxattrat = true;

/** listxattr(2): NUL-terminated names. */
function list(dir: number, name: Name | null, into: Buffer): Count {
  const room = into.length;
  if (name !== null && haveListxattrat) {
    const count = countOf(
      Number(cListxattrat(LISTXATTRAT, dir, cstr(name), AT_SYMLINK_NOFOLLOW, into, room)),
    );
    if (count !== -ENOSYS) return count;
    haveListxattrat = false;
  }
  const call = name === null ? cListxattr : cLlistxattr;
  return countOf(call(path(dir, name), into, room));
}

/** The longest value that there can be. */
export const XATTR_SIZE_MAX = 65536;

const NO_NAMES: readonly ByteString[] = [];
const fewNames = Buffer.alloc(512);
const names = Buffer.alloc(65536);

/**
 * The names of all xattrs, or an errno. Most files have few, and the kernel makes room for as many as are asked for:
 * the large buffer is for who needs it.
 */
export function xattrNames(dir: number, name: Name | null): readonly ByteString[] | Errno {
  let from = fewNames;
  let length = list(dir, name, from);
  if (length === 0) return NO_NAMES;
  if (length === -ERANGE) {
    from = names;
    length = list(dir, name, from);
  }
  return length < 0 ? -length : (bytesOf(from, 0, length).split('\0').slice(0, -1) as ByteString[]);
}

export function removexattr(dir: number, name: Name | null, key: ByteString): Errno {
  const call = name === null ? cRemovexattr : cLremovexattr;
  return errnoOf(call(path(dir, name), cstr2(key)));
}
