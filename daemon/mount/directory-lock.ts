/**
 * Exclusive use of the upper and work directories: flock(2) on each, held by the serving process until it ends,
 * however it ends.
 */
import { type ByteString, shown } from '../../lib/base/bytes';
import { EAGAIN, errnoName } from '../../lib/base/errno';
import { UserError } from '../../lib/base/errors';
import { EXIT } from '../../lib/base/exit-codes';
import { tryLock } from '../../lib/sys/io';
import { AT_FDCWD, close, openat } from '../../lib/sys/open';
import { O_DIRECTORY } from '../../lib/vfs/flags';
import { userOf } from './runtime-dir';

/**
 * Locks a directory until the process ends.
 * @throws UserError (exit code 5) where a live mount has it
 */
export function lockDirectory(role: string, path: ByteString): void {
  const fd = openat(AT_FDCWD, path, O_DIRECTORY);
  if (fd < 0) {
    throw new UserError(
      'layer-unfit',
      `cannot open ${role} ${shown(path)}: ${errnoName(-fd)}`,
      '',
      EXIT.BAD_LAYER,
    );
  }
  const errno = tryLock(fd);
  if (errno === 0) return;
  close(fd);
  if (errno === EAGAIN) {
    throw new UserError(
      'in-use',
      `${role} ${shown(path)} is in use by a live mount`,
      userOf(path),
      EXIT.IN_USE,
    );
  }
  throw new UserError(
    'layer-unfit',
    `cannot lock ${role} ${shown(path)}: ${errnoName(errno)}`,
    '',
    EXIT.BAD_LAYER,
  );
}
