/**
 * Extended attributes, of an open descriptor or of a name in a directory. A name is reached as
 * /proc/self/fd/DIR/NAME with the l*xattr calls, which do not follow a symlink in the last component; O_PATH
 * descriptors are reached as /proc/self/fd/FD.
 */
import type { ByteString, Name } from '../base/bytes';
import type { Count, Errno } from '../base/errno';
import { countOf, cstr, cstr2, errnoOf, native } from './libc';

const cLgetxattr = native('int64_t lgetxattr(const void *, const void *, void *, size_t)');
const cLsetxattr = native('int lsetxattr(const void *, const void *, const void *, size_t, int)');
const cLlistxattr = native('int64_t llistxattr(const void *, void *, size_t)');
const cLremovexattr = native('int lremovexattr(const void *, const void *)');
const cGetxattr = native('int64_t getxattr(const void *, const void *, void *, size_t)');
const cSetxattr = native('int setxattr(const void *, const void *, const void *, size_t, int)');
const cListxattr = native('int64_t listxattr(const void *, void *, size_t)');
const cRemovexattr = native('int removexattr(const void *, const void *)');

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
  const call = name === null ? cSetxattr : cLsetxattr;
  return errnoOf(call(path(dir, name), cstr2(key), value, value.length, flags));
}

/** NUL-terminated names; an empty `into` asks for the size. */
export function listxattr(dir: number, name: Name | null, into: Buffer): Count {
  const call = name === null ? cListxattr : cLlistxattr;
  return countOf(call(path(dir, name), into.length === 0 ? null : into, into.length));
}

export function removexattr(dir: number, name: Name | null, key: ByteString): Errno {
  const call = name === null ? cRemovexattr : cLremovexattr;
  return errnoOf(call(path(dir, name), cstr2(key)));
}
