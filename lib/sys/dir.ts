/** getdents64(2): reading a directory in bulk. */
import { type ByteString, bytesOf, type Name } from '../base/bytes';
import type { Errno } from '../base/errno';
import { countOf, native } from './libc';
import { close, openat } from './open';

const cGetdents = native('int64_t getdents64(int, void *, size_t)');

const O_RDONLY_DIRECTORY = 0o200000;
const O_NOFOLLOW = 0o400000;
/** About a thousand names: half a millisecond for who visits them. */
export const PIECE_BYTES = 32 * 1024;
const buffer = Buffer.alloc(PIECE_BYTES);
const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);

/** `dirType` is the DT_* value; it may be 0 (unknown) on some file systems. False: seen enough. */
export type EntryVisitor = (name: Name, ino: number, dirType: number) => unknown;

/** Opens a directory for `readPiece`, O_PATH being enough for `dir`. Returns a descriptor or a negated errno. */
export function openToRead(dir: number): number {
  return openat(dir, '.' as ByteString, O_RDONLY_DIRECTORY | O_NOFOLLOW);
}

/**
 * Visits the next entries of a directory but `.` and `..`: as many as getdents64(2) gives for `bytes` bytes.
 * Returns their number of bytes, 0 at the end or once the visitor has seen enough, or a negated errno.
 */
export function readPiece(fd: number, visit: EntryVisitor, bytes = PIECE_BYTES): number {
  const length = countOf(cGetdents(fd, buffer, Math.min(bytes, PIECE_BYTES)));
  for (let at = 0; at < length; ) {
    const size = view.getUint16(at + 16, true);
    let end = at + 19;
    while (buffer[end] !== 0) end++;
    const dots =
      buffer[at + 19] === 0x2e && (end === at + 20 || (buffer[at + 20] === 0x2e && end === at + 21));
    if (!dots) {
      const ino = view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000;
      if (visit(bytesOf(buffer, at + 19, end), ino, buffer[at + 18]!) === false) return 0;
    }
    at += size;
  }
  return length;
}

/**
 * Visits every entry of a directory but `.` and `..`, or as many as the visitor wants.
 * @param dir a descriptor of the directory; O_PATH is enough
 */
export function readDirectory(dir: number, visit: EntryVisitor): Errno {
  const fd = openToRead(dir);
  if (fd < 0) return -fd;
  try {
    let length: number;
    do length = readPiece(fd, visit);
    while (length > 0);
    return -length;
  } finally {
    close(fd);
  }
}
