/**
 * The `origin` xattr: which lower file an upper file was copied up from, so that it keeps its inode number. The
 * format is overlayfs's struct ovl_fb (fs/overlayfs/overlayfs.h):
 *
 *   byte 0  version  0
 *   byte 1  magic    0xfb
 *   byte 2  length   of the whole value
 *   byte 3  flags    bit 0 big-endian, bit 1 any-endian, bit 2 path is in the upper layer
 *   byte 4  type     of the file handle (name_to_handle_at(2))
 *   5…20    UUID of the lower file system
 *   21…     the file handle
 */
import type { Name } from '../base/bytes';
import { ENOSYS, EOPNOTSUPP, EOVERFLOW, EPERM, type Errno } from '../base/errno';
import type { FileHandle } from '../sys/handle';
import { handleOf } from '../sys/handle';

const VERSION = 0;
const MAGIC = 0xfb;
const HEADER_BYTES = 21;
/** What name_to_handle_at(2) says where a file system has no handles, or larger ones than we take. */
const HAVE_NONE: ReadonlySet<Errno> = new Set([EOPNOTSUPP, EOVERFLOW, EPERM, ENOSYS]);
const BIG_ENDIAN = 1;
const ANY_ENDIAN = 2;

export interface Origin {
  readonly uuid: Buffer;
  readonly handle: FileHandle;
}

/** The value for a file that is copied up from a lower name; null where it has no handle that we take; or an errno. */
export function encodeOrigin(dir: number, name: Name | null, uuid: Buffer): Buffer | null | Errno {
  const handle = handleOf(dir, name);
  if (typeof handle === 'number') return HAVE_NONE.has(handle) ? null : handle;
  const header = Buffer.from([VERSION, MAGIC, HEADER_BYTES + handle.bytes.length, 0, handle.type]);
  return Buffer.concat([header, uuid, handle.bytes]);
}

/** The origin in a value, or null where it is malformed or of another byte order. */
export function decodeOrigin(value: Buffer): Origin | null {
  if (
    value.length <= HEADER_BYTES ||
    value[0] !== VERSION ||
    value[1] !== MAGIC ||
    value[2] !== value.length
  ) {
    return null;
  }
  if ((value[3]! & BIG_ENDIAN) !== 0 && (value[3]! & ANY_ENDIAN) === 0) return null;
  return {
    uuid: Buffer.from(value.subarray(5, HEADER_BYTES)),
    handle: { type: value[4]!, bytes: Buffer.from(value.subarray(HEADER_BYTES)) },
  };
}
