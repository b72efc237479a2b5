/**
 * Unmounting, by a program of its own: umount(2) may write pages back, which this process must answer meanwhile.
 */
import { execFile } from 'node:child_process';
import { type ByteString, textOf } from '../base/bytes';
import { UserError } from '../base/errors';
import { EXIT } from '../base/exit-codes';

function commands(mountpoint: string, lazy: boolean): readonly [string, readonly string[]][] {
  const fusermount: readonly string[] = lazy ? ['-u', '-z', '--', mountpoint] : ['-u', '--', mountpoint];
  const programs: [string, readonly string[]][] = [
    ['fusermount3', fusermount],
    ['fusermount', fusermount],
  ];
  if (process.geteuid?.() === 0) programs.unshift(['umount', lazy ? ['-l', mountpoint] : [mountpoint]]);
  return programs;
}

/** The program's error text, or null where it did the work. Rejects where there is no such program. */
function run(program: string, args: readonly string[]): Promise<string | null> {
  return new Promise((resolve, reject) => {
    execFile(program, args, (error, _out, errors) => {
      if (error === null) resolve(null);
      else if (error.code === 'ENOENT') reject(error);
      else resolve(errors.trim());
    });
  });
}

/**
 * Takes the mount off its mountpoint; `lazy` also where it is busy.
 * Throws a UserError where it is busy, or where the system has no program for it.
 */
export async function unmount(mountpoint: ByteString, lazy: boolean): Promise<void> {
  const path = textOf(mountpoint);
  for (const [program, args] of commands(path, lazy)) {
    const message = await run(program, args).catch(() => undefined);
    if (message === null) return;
    if (message !== undefined) {
      throw new UserError('umount-failed', `cannot unmount ${path}: ${message}`, '', EXIT.BUSY);
    }
  }
  throw new UserError(
    'no-fusermount',
    `cannot unmount ${path}: neither umount nor fusermount is installed`,
    'install the package fuse3',
    EXIT.FAILURE,
  );
}
