/** File handles that outlive a descriptor: name_to_handle_at(2), open_by_handle_at(2). */
import type { Name } from '../base/bytes';
import type { Count, Errno } from '../base/errno';
import { countOf, cstr, errnoOf, native } from './libc';
import { hasRoomNow } from './open';

const cNameToHandle = native('int name_to_handle_at(int, const void *, void *, void *, int)');
const cOpenByHandle = native('int open_by_handle_at(int, void *, int)');

const MAX_HANDLE_BYTES = 128;
const AT_EMPTY_PATH = 0x1000;
const O_CLOEXEC = 0o2000000;
const mountId = Buffer.alloc(4);
const record = Buffer.alloc(8 + MAX_HANDLE_BYTES);

/** A file's handle: its type and bytes are the file system's own. */
export interface FileHandle {
  readonly type: number;
  readonly bytes: Buffer;
}

/** name_to_handle_at(2) of a name that is not followed, or of `dir` itself (name null); or an errno. */
export function handleOf(dir: number, name: Name | null): FileHandle | Errno {
  record.writeUInt32LE(MAX_HANDLE_BYTES, 0);
  const errno = errnoOf(
    cNameToHandle(dir, cstr(name ?? ''), record, mountId, name === null ? AT_EMPTY_PATH : 0),
  );
  if (errno !== 0) return errno;
  return { type: record.readInt32LE(4), bytes: Buffer.from(record.subarray(8, 8 + record.readUInt32LE(0))) };
}

/** open_by_handle_at(2); `mount` is any descriptor on the handle's file system. */
export function openByHandle(mount: number, handle: FileHandle, flags: number): Count {
  const buffer = Buffer.alloc(8 + handle.bytes.length);
  buffer.writeUInt32LE(handle.bytes.length, 0);
  buffer.writeInt32LE(handle.type, 4);
  handle.bytes.copy(buffer, 8);
  const fd = countOf(cOpenByHandle(mount, buffer, flags | O_CLOEXEC));
  return fd < 0 && hasRoomNow(fd) ? countOf(cOpenByHandle(mount, buffer, flags | O_CLOEXEC)) : fd;
}
