/**
 * Exclusive use of the upper directory and of `<workdir>/work`, held by the serving process until it ends, however it
 * ends:
 *
 * - flock(2) on each, for all users and namespaces. `work` is ours and closed to others. The upper directory can be
 *   locked by anyone who may read it, so there a stranger's lock (lock-holders.ts) does not count.
 * - flock(2) on a file in the runtime directory, named after the upper directory's device and inode: between mounts of
 *   one user it holds where a stranger has the other.
 * - What the kernel's overlayfs writes to it locks for itself in a way that cannot be asked for: its mounts are in the
 *   mount table.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type ByteString, bytesFromText, shown } from '../../lib/base/bytes';
import { EAGAIN, type Errno, errnoName, OK } from '../../lib/base/errno';
import { UserError } from '../../lib/base/errors';
import { EXIT } from '../../lib/base/exit-codes';
import type { Logger } from '../../lib/base/log';
import { tryLock } from '../../lib/sys/io';
import { AT_FDCWD, close, openat } from '../../lib/sys/open';
import { newStat, type Stat, statAt } from '../../lib/sys/stat';
import { O_CREAT, O_DIRECTORY, O_NOFOLLOW, O_PATH, O_RDWR } from '../../lib/vfs/flags';
import { isStranger, type LockHolder, lockHolders } from './lock-holders';
import { overlaysIn } from './mount-table';
import { runtimeDirectory, userOf } from './runtime-dir';

export interface LockedDirectory {
  readonly role: string;
  readonly path: ByteString;
  /** O_PATH descriptor. */
  readonly fd: number;
}

const ITSELF = '.' as ByteString;

function inUse({ role, path }: LockedDirectory, by: string): UserError {
  return new UserError('in-use', `${role} ${shown(path)} is in use by a live mount`, by, EXIT.IN_USE);
}

function unfit(verb: string, { role, path }: LockedDirectory, errno: Errno): UserError {
  const message = `cannot ${verb} ${role} ${shown(path)}: ${errnoName(errno)}`;
  return new UserError('layer-unfit', message, '', EXIT.BAD_LAYER);
}

/**
 * Locks a directory until the process ends. Returns a descriptor of it, opened for reading.
 * @throws UserError (exit code 5) where a live mount has it
 */
export function lockDirectory(directory: LockedDirectory, log: Logger): number {
  const fd = openat(directory.fd, ITSELF, O_DIRECTORY);
  if (fd < 0) throw unfit('open', directory, -fd);
  const errno = tryLock(fd);
  if (errno === OK) return fd;
  const refusal = errno === EAGAIN ? refusalOf(directory, log) : unfit('lock', directory, errno);
  if (refusal === null) return fd;
  close(fd);
  throw refusal;
}

/** Why a lock that somebody else has is respected; null where it is not, with a line in the log. */
function refusalOf(directory: LockedDirectory, log: Logger): UserError | null {
  const { role, path } = directory;
  const stat = newStat();
  if (statAt(directory.fd, null, stat) !== OK) return inUse(directory, userOf(path));
  const holders = lockHolders(stat);
  const respected = holders.filter((holder) => !isStranger(holder, stat.uid));
  const names = (some: readonly LockHolder[]): string => some.map(({ name }) => name).join(', ');
  if (holders.length === 0 || respected.length > 0) {
    const by = respected.length > 0 ? `locked by ${names(respected)}` : '';
    return inUse(directory, userOf(path) || by);
  }
  log.warn(
    `${role} ${shown(path)} is locked by ${names(holders)}, who has no say in it: mounted all the same`,
  );
  return null;
}

/** The lock that mounts of this user have among themselves; the file goes with the lock. */
export class PrivateLock {
  private readonly path: string;
  private readonly fd: number;

  /** @throws UserError (exit code 5) where another mount of this user writes to the directory */
  constructor(directory: LockedDirectory) {
    const stat = newStat();
    const errno = statAt(directory.fd, null, stat);
    if (errno !== OK) throw unfit('lock', directory, errno);
    this.path = join(runtimeDirectory(), `upper-${stat.devMajor}-${stat.devMinor}-${stat.ino}.lock`);
    this.fd = this.lock(directory, stat);
  }

  private lock(directory: LockedDirectory, stat: Stat): number {
    for (;;) {
      const fd = openat(AT_FDCWD, bytesFromText(this.path), O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
      if (fd < 0) throw unfit('lock', directory, -fd);
      const errno = tryLock(fd);
      // One that its last holder has removed meanwhile locks nothing.
      if (errno === OK && statAt(fd, null, stat) === OK && stat.nlink > 0) return fd;
      close(fd);
      if (errno === EAGAIN) throw inUse(directory, userOf(directory.path));
      if (errno !== OK) throw unfit('lock', directory, errno);
    }
  }

  release(): void {
    rmSync(this.path, { force: true });
    close(this.fd);
  }
}

/** @throws UserError (exit code 5) where a live mount of the kernel's overlayfs writes to one of the directories */
export function refuseLiveOverlays(directories: readonly LockedDirectory[]): void {
  const same = (a: Stat, b: Stat): boolean =>
    a.ino === b.ino && a.devMajor === b.devMajor && a.devMinor === b.devMinor;
  const ours = directories.map((directory) => {
    const stat = newStat();
    return { directory, stat, errno: statAt(directory.fd, null, stat) };
  });
  for (const { mountpoint, path } of overlaysIn()) {
    const fd = openat(AT_FDCWD, path, O_PATH | O_DIRECTORY);
    if (fd < 0) continue;
    const theirs = newStat();
    const errno = statAt(fd, null, theirs);
    close(fd);
    if (errno !== OK) continue;
    const taken = ours.find((our) => our.errno === OK && same(our.stat, theirs));
    if (taken !== undefined) {
      throw inUse(taken.directory, `the kernel's overlayfs on ${shown(mountpoint)} writes to it`);
    }
  }
}
