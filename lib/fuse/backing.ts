/** Backing files for passthrough: FUSE_DEV_IOC_BACKING_OPEN and FUSE_DEV_IOC_BACKING_CLOSE. */

import { bytesFromText } from '../base/bytes';
import type { Count } from '../base/errno';
import { ioctl } from '../sys/io';
import { AT_FDCWD, close, openat } from '../sys/open';
import { O_RDONLY } from '../vfs/flags';
import { DEV_IOC_BACKING_CLOSE, DEV_IOC_BACKING_OPEN } from './abi';

/** struct fuse_backing_map. */
const map = Buffer.alloc(16);
const idCell = Buffer.alloc(4);

/** Registers an open regular file. Returns its id (> 0) or a negated errno. */
export function openBacking(device: number, fd: number): Count {
  map.fill(0);
  map.writeInt32LE(fd, 0);
  return ioctl(device, DEV_IOC_BACKING_OPEN, map);
}

/** Gives an id back; files that are open through it keep working. */
export function closeBacking(device: number, id: number): void {
  idCell.writeUInt32LE(id, 0);
  ioctl(device, DEV_IOC_BACKING_CLOSE, idCell);
}

/**
 * Registers a file for a trial. Returns 0 or the errno. Any answer but EPERM says that registering is permitted.
 * Preconditions: INIT is answered; before that the kernel refuses all.
 */
export function tryBacking(device: number): number {
  const fd = openat(AT_FDCWD, bytesFromText(process.execPath), O_RDONLY);
  if (fd < 0) return -fd;
  const id = openBacking(device, fd);
  if (id > 0) closeBacking(device, id);
  close(fd);
  return id > 0 ? 0 : -id;
}
