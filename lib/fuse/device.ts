/**
 * /dev/fuse and the mount: opening it, mount(2), unmounting. Where mount(2) is not permitted, the set-user-ID
 * program fusermount3 does both (fusermount.ts).
 */
import { type ByteString, bytesFromText, shown } from '../base/bytes';
import { EACCES, ENODEV, ENOENT, ENXIO, EPERM, type Errno, errnoName, OK } from '../base/errno';
import { UserError } from '../base/errors';
import { EXIT } from '../base/exit-codes';
import {
  MNT_DETACH,
  MS_NOATIME,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_RDONLY,
  mount,
  UMOUNT_NOFOLLOW,
  umount,
} from '../sys/mount';
import { AT_FDCWD, close, openat } from '../sys/open';
import { O_NONBLOCK, O_RDWR } from '../vfs/flags';
import type { MountOptions } from '../vfs/transport';
import { MAX_WRITE } from './abi';
import { fusermount, fusermountUnmount } from './fusermount';

/** What /proc/mounts shows as the type. */
const TYPE = bytesFromText('fuse.stratafs');
const DEVICE = bytesFromText('/dev/fuse');

const HINT =
  'run as root, or inside a user namespace (unshare -Urm, with /dev/fuse open to all: chmod 666 /dev/fuse), ' +
  'or install fuse3 (fusermount3)';

/** Mounts, and returns the descriptor of the connection, non-blocking. */
export function mountDevice(options: MountOptions): number {
  const device = openat(AT_FDCWD, DEVICE, O_RDWR | O_NONBLOCK);
  if (device < 0 && device !== -EACCES && device !== -EPERM) throw noDevice(-device);
  if (device < 0) return fusermount(options, () => notPermitted(-device, 'open /dev/fuse'));
  const errno = mount(
    options.source,
    options.mountpoint,
    TYPE,
    mountFlags(options),
    mountData(device, options),
  );
  if (errno === OK) return device;
  close(device);
  if (errno === EPERM || errno === EACCES) return fusermount(options, () => notPermitted(errno, 'mount'));
  throw new UserError(
    'mount-failed',
    `cannot mount on ${shown(options.mountpoint)}: ${errnoName(errno)}`,
    errno === ENODEV ? 'the kernel has no FUSE: modprobe fuse' : '',
    EXIT.BAD_MOUNTPOINT,
  );
}

function mountFlags(options: MountOptions): number {
  return (
    (options.readOnly ? MS_RDONLY : 0) |
    (options.nosuid ? MS_NOSUID : 0) |
    (options.nodev ? MS_NODEV : 0) |
    (options.noexec ? MS_NOEXEC : 0) |
    (options.noatime ? MS_NOATIME : 0)
  );
}

function mountData(device: number, options: MountOptions): ByteString {
  const fields = [
    `fd=${device}`,
    'rootmode=40000',
    `user_id=${process.getuid!()}`,
    `group_id=${process.getgid!()}`,
    `max_read=${MAX_WRITE}`,
  ];
  if (options.defaultPermissions) fields.push('default_permissions');
  if (options.allowOther) fields.push('allow_other');
  return bytesFromText(fields.join(','));
}

function noDevice(errno: Errno): UserError {
  const missing = errno === ENOENT || errno === ENXIO || errno === ENODEV;
  return new UserError(
    'no-fuse-device',
    missing ? '/dev/fuse does not exist' : `cannot open /dev/fuse: ${errnoName(errno)}`,
    missing ? 'load the module (modprobe fuse); in a container, pass the device (--device /dev/fuse)' : HINT,
    EXIT.NO_PRIVILEGE,
  );
}

function notPermitted(errno: Errno, what: string): UserError {
  return new UserError(
    'not-permitted',
    `not permitted to ${what} (${errnoName(errno)})`,
    HINT,
    EXIT.NO_PRIVILEGE,
  );
}

/**
 * Unmounts; `lazy` detaches a busy mount now and ends it when its last user is gone. An unprivileged caller's
 * own mount outside a user namespace goes through fusermount3.
 */
export function unmount(mountpoint: ByteString, lazy: boolean): Errno {
  const errno = umount(mountpoint, UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0));
  if (errno !== EPERM) return errno;
  return fusermountUnmount(mountpoint, lazy) ?? EPERM;
}
