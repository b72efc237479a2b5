/**
 * Copies a file's data for a copy-up: shared blocks where the file system can (FICLONE), else extent by extent so
 * that holes stay holes, in the kernel (copy_file_range) where it can, else through memory.
 */
import { type Count, EINVAL, ENXIO, EOPNOTSUPP, type Errno, EXDEV } from '../base/errno';
import { ftruncate } from '../sys/attr';
import { background, clone, copyFileRange, lseek, pread, pwrite } from '../sys/io';

const SEEK_DATA = 3;
const SEEK_HOLE = 4;
const CHUNK = 16 * 1024 * 1024;
/** Below this, asking for extents and clones costs more than it saves. */
const SMALL = 64 * 1024;
const BOUNCE_BYTES = 128 * 1024;

/** Copies at most `length` bytes at the same offset in both files. Returns the bytes copied, 0 at the end. */
function copyChunk(from: number, to: number, offset: number, length: number): Count {
  const copied = copyFileRange(from, offset, to, offset, length);
  return cannotCopyInKernel(copied) ? bounce(from, to, offset, length) : copied;
}

async function copyChunkInBackground(
  from: number,
  to: number,
  offset: number,
  length: number,
): Promise<Count> {
  const copied = await background.copyFileRange(from, offset, to, offset, length);
  return cannotCopyInKernel(copied) ? bounce(from, to, offset, length) : copied;
}

function cannotCopyInKernel(result: Count): boolean {
  return result === -EXDEV || result === -EINVAL || result === -EOPNOTSUPP;
}

function bounce(from: number, to: number, offset: number, length: number): Count {
  const buffer = Buffer.allocUnsafe(Math.min(length, BOUNCE_BYTES));
  const got = pread(from, buffer, offset);
  return got <= 0 ? got : pwrite(to, buffer.subarray(0, got), offset);
}

/** The next extent of data at or after `offset`, in `extent`; false where there is none before `size`. */
function nextExtent(
  fd: number,
  offset: number,
  size: number,
  extent: { start: number; end: number },
): boolean {
  const start = lseek(fd, offset, SEEK_DATA);
  if (start === -ENXIO || start >= size) return false;
  if (start < 0) {
    extent.start = offset;
    extent.end = size;
    return true;
  }
  const end = lseek(fd, start, SEEK_HOLE);
  extent.start = start;
  extent.end = end < 0 ? size : Math.min(end, size);
  return true;
}

/** Copies the first `size` bytes of `from` to the empty file `to`, before it returns. */
export function copyData(from: number, to: number, size: number): Errno {
  if (size > SMALL && clone(from, to) === 0) return ftruncate(to, size);
  const extent = { start: 0, end: size };
  if (size > SMALL && !nextExtent(from, 0, size, extent)) return ftruncate(to, size);
  do {
    for (let at = extent.start; at < extent.end; ) {
      const copied = copyChunk(from, to, at, Math.min(extent.end - at, CHUNK));
      if (copied < 0) return -copied;
      if (copied === 0) break;
      at += copied;
    }
  } while (size > SMALL && extent.end < size && nextExtent(from, extent.end, size, extent));
  return extent.end < size ? ftruncate(to, size) : 0;
}

/** The same on koffi's thread pool, for the helper thread. */
export async function copyDataInBackground(from: number, to: number, size: number): Promise<Errno> {
  if (clone(from, to) === 0) return ftruncate(to, size);
  const extent = { start: 0, end: 0 };
  while (extent.end < size && nextExtent(from, extent.end, size, extent)) {
    for (let at = extent.start; at < extent.end; ) {
      const copied = await copyChunkInBackground(from, to, at, Math.min(extent.end - at, CHUNK));
      if (copied < 0) return -copied;
      if (copied === 0) break;
      at += copied;
    }
  }
  return ftruncate(to, size);
}
