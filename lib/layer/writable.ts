/**
 * The upper layer and its work directory, opened for writing.
 *
 * As the kernel's overlayfs does, they are held in a detached clone of their mount (fs/overlayfs/super.c:ovl_get_upper):
 * what is mounted on top of something in them, the union itself perhaps, is neither seen nor written nor waited for,
 * and the mount's access times are the union's to decide. It is one clone for both, of the nearest directory above
 * them, since rename(2) does not go from one mount to another. Where a clone is not permitted they are held as they
 * are.
 */
import { type ByteString, shown } from '../base/bytes';
import { EINVAL, ENOSYS, EPERM, ESTALE, errnoName, OK } from '../base/errno';
import { UserError } from '../base/errors';
import { EXIT } from '../base/exit-codes';
import { writableClone } from '../sys/mount';
import { readlinkat } from '../sys/names';
import { AT_FDCWD, close, dup, openat, openat2, RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS } from '../sys/open';
import { newStat, statAt } from '../sys/stat';
import { describe, type Layer, unfit } from './layer';

const O_PATH_DIRECTORY = 0o10200000;
const UP = '..' as ByteString;

/** A directory by its path, and open already where `fd` is not negative: it is then the one that is meant. */
export interface Directory {
  readonly path: ByteString;
  readonly fd: number;
}

export interface Writable {
  readonly upper: Layer;
  /** O_PATH descriptor of the work directory that the user gave. */
  readonly work: number;
}

/**
 * Opens both. The descriptors given stay the caller's.
 * Preconditions: neither directory lies in the other; both are on one mount.
 * @throws UserError where they cannot be opened
 */
export function openWritable(upper: Directory, work: Directory, noatime: boolean): Writable {
  const upperFd = reopened(upper);
  let workFd: number;
  try {
    workFd = reopened(work);
  } catch (error) {
    close(upperFd);
    throw error;
  }
  const above = commonAncestor(upperFd, workFd);
  const clone = above === null ? -EINVAL : writableClone(above.fd, noatime);
  if (above !== null) close(above.fd);
  if (clone < 0) {
    // EINVAL: a mount below it must not be uncovered (it came from a more privileged namespace).
    if (clone === -EPERM || clone === -ENOSYS || clone === -EINVAL) {
      return { upper: describe(upper.path, 0, upperFd, false), work: workFd };
    }
    close(upperFd);
    close(workFd);
    throw unfit(upper.path, -clone);
  }
  try {
    const inClone = descend(clone, above!.toUpper, upperFd, upper.path);
    return {
      upper: describe(upper.path, 0, inClone, true),
      work: descend(clone, above!.toWork, workFd, work.path),
    };
  } finally {
    close(clone);
    close(upperFd);
    close(workFd);
  }
}

function reopened({ path, fd }: Directory): number {
  const opened = fd >= 0 ? dup(fd) : openat(AT_FDCWD, path, O_PATH_DIRECTORY);
  if (opened < 0) throw unfit(path, -opened);
  return opened;
}

/** The nearest directory above both, opened, and the ways down from it; null where it cannot be found. */
function commonAncestor(
  upper: number,
  work: number,
): { fd: number; toUpper: ByteString; toWork: ByteString } | null {
  const upperNames = namesTo(upper);
  const workNames = namesTo(work);
  if (upperNames === null || workNames === null) return null;
  let shared = 0;
  while (shared < upperNames.length && upperNames[shared] === workNames[shared]) shared++;
  let fd = dup(upper);
  for (let climbed = upperNames.length; fd >= 0 && climbed > shared; climbed--) {
    const above = openat(fd, UP, O_PATH_DIRECTORY);
    close(fd);
    fd = above;
  }
  const down = (names: readonly string[]): ByteString => (names.slice(shared).join('/') || '.') as ByteString;
  return fd < 0 ? null : { fd, toUpper: down(upperNames), toWork: down(workNames) };
}

function namesTo(fd: number): string[] | null {
  const path = readlinkat(AT_FDCWD, `/proc/self/fd/${fd}` as ByteString);
  return typeof path === 'string' && path.startsWith('/') ? path.split('/').filter(Boolean) : null;
}

/** @throws UserError where the way from the clone's root does not lead to the directory that is meant */
function descend(root: number, way: ByteString, meant: number, path: ByteString): number {
  const fd = openat2(root, way, O_PATH_DIRECTORY, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
  if (fd >= 0 && isSame(fd, meant)) return fd;
  if (fd >= 0) close(fd);
  const errno = fd < 0 ? -fd : ESTALE;
  throw new UserError(
    'layer-unfit',
    `${shown(path)} was moved while it was being opened: ${errnoName(errno)}`,
    'try again',
    EXIT.BAD_LAYER,
  );
}

function isSame(a: number, b: number): boolean {
  const one = newStat();
  const other = newStat();
  if (statAt(a, null, one) !== OK || statAt(b, null, other) !== OK) return false;
  return one.ino === other.ino && one.devMajor === other.devMajor && one.devMinor === other.devMinor;
}
