/** getdents64(2): reading a directory in bulk. */
import { type ByteString, bytesOf, type Name } from '../base/bytes';
import type { Errno } from '../base/errno';
import { countOf, native } from './libc';
import { close, openat } from './open';

const cGetdents = native('int64_t getdents64(int, void *, size_t)');

const O_RDONLY_DIRECTORY = 0o200000;
const O_NOFOLLOW = 0o400000;
const BUFFER_BYTES = 256 * 1024;
const buffer = Buffer.alloc(BUFFER_BYTES);
const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);

/** `dirType` is the DT_* value; it may be 0 (unknown) on some file systems. */
export type EntryVisitor = (name: Name, ino: number, dirType: number) => void;

/**
 * Visits every entry of a directory but `.` and `..`.
 * @param dir a descriptor of the directory; O_PATH is enough
 */
export function readDirectory(dir: number, visit: EntryVisitor): Errno {
  const fd = openat(dir, '.' as ByteString, O_RDONLY_DIRECTORY | O_NOFOLLOW);
  if (fd < 0) return -fd;
  try {
    for (;;) {
      const length = countOf(cGetdents(fd, buffer, BUFFER_BYTES));
      if (length <= 0) return -length;
      for (let at = 0; at < length; ) {
        const size = view.getUint16(at + 16, true);
        let end = at + 19;
        while (buffer[end] !== 0) end++;
        const dots =
          buffer[at + 19] === 0x2e && (end === at + 20 || (buffer[at + 20] === 0x2e && end === at + 21));
        if (!dots) {
          const ino = view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000;
          visit(bytesOf(buffer, at + 19, end), ino, buffer[at + 18]!);
        }
        at += size;
      }
    }
  } finally {
    close(fd);
  }
}
