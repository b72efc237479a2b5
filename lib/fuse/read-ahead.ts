/** Read-ahead of a mount, through /sys/class/bdi: the kernel starts a FUSE mount with 128 KiB. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { ByteString } from '../base/bytes';
import { AT_FDCWD, close, openat } from '../sys/open';
import { O_PATH } from '../vfs/flags';

/**
 * Sets the read-ahead of the mount at `mountpoint`. False: not permitted, or no such mount.
 * No step of this asks the mount itself anything, so its server may be the caller.
 */
export function setReadAhead(mountpoint: ByteString, kib: number): boolean {
  const fd = openat(AT_FDCWD, mountpoint, O_PATH);
  if (fd < 0) return false;
  try {
    const mountId = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1];
    const mounts = readFileSync('/proc/self/mountinfo', 'latin1');
    const device = new RegExp(`^${mountId} \\d+ (\\d+:\\d+) `, 'm').exec(mounts)?.[1];
    if (device === undefined) return false;
    writeFileSync(`/sys/class/bdi/${device}/read_ahead_kb`, String(kib));
    return true;
  } catch {
    return false;
  } finally {
    close(fd);
  }
}
