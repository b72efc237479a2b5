/** Whether a mountpoint can be used, and its real path. */
import { realpathSync, statSync } from 'node:fs';
import { type ByteString, bufferOf, shown } from '../../lib/base/bytes';
import { UserError } from '../../lib/base/errors';
import { EXIT } from '../../lib/base/exit-codes';
import { FS_TYPE, topMountAt } from './mount-table';
import { isAlive } from './process-id';
import { readRecords } from './runtime-dir';

function unfit(code: string, message: string, hint = ''): UserError {
  return new UserError(code, message, hint, EXIT.BAD_MOUNTPOINT);
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}

function refuseOurs(real: ByteString, named: string): void {
  if (topMountAt(real)?.type !== FS_TYPE) return;
  throw unfit('already-mounted', `${named} is a stratafs mount already`, `stratafs umount ${named}`);
}

/**
 * The real path of a mountpoint, as mountinfo will show it.
 * @throws UserError where nothing can be mounted there
 */
export function checkMountpoint(path: ByteString): ByteString {
  const named = shown(path);
  refuseOurs(path, named);
  let real: ByteString;
  try {
    real = realpathSync.native(bufferOf(path), 'latin1') as ByteString;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') throw unfit('mountpoint-missing', `mountpoint ${named} does not exist`);
    throw unfit('mountpoint-unfit', `cannot use mountpoint ${named}: ${codeOf(error)}`);
  }
  refuseOurs(real, named);
  if (!statSync(bufferOf(real)).isDirectory()) {
    throw unfit('mountpoint-not-directory', `mountpoint ${named} is not a directory`);
  }
  return real;
}

/**
 * The mountpoint that a path given to `umount` means. The path itself is not looked at unless it must be: below a
 * mount whose process died, every look fails.
 */
export function findMountpoint(path: ByteString): ByteString {
  const trimmed = (path.replace(/\/+$/, '') || '/') as ByteString;
  const slash = trimmed.lastIndexOf('/');
  const guesses = [
    (): ByteString => trimmed,
    (): ByteString => {
      const parent = realpathSync.native(bufferOf(trimmed.slice(0, slash + 1) as ByteString), 'latin1');
      return `${parent === '/' ? '' : parent}${trimmed.slice(slash)}` as ByteString;
    },
    (): ByteString => realpathSync.native(bufferOf(trimmed), 'latin1') as ByteString,
  ];
  const seen: ByteString[] = [];
  for (const guess of guesses) {
    try {
      const real = guess();
      seen.push(real);
      if (topMountAt(real)?.type === FS_TYPE) return real;
    } catch {
      // A path that cannot be resolved is no mountpoint by that guess.
    }
  }
  const hint = whoServesElsewhere(seen);
  throw new UserError('not-mounted', `${shown(path)} is not a stratafs mount`, hint, EXIT.NOT_MOUNTED);
}

/** What to do about a mount that is served, but not in the tree that we see. */
function whoServesElsewhere(mountpoints: readonly ByteString[]): string {
  const record = readRecords().findLast(
    (each) => mountpoints.includes(each.config.mountpoint) && isAlive(each),
  );
  if (record === undefined) return '';
  return `process ${record.pid} serves one in another mount namespace, or for files that are still open: kill ${record.pid} ends it`;
}
