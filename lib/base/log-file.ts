/**
 * A log file: how it is opened, and how it is kept from growing.
 *
 * - Opened to append, mode 0600. Where others could have put something in its place (they can write to its folder or
 *   to one above), it must be a regular file of ours with one name, or a device, and no symlink.
 * - At most MAX_LOG_BYTES: then it becomes FILE.1, in the place of an older one, and a new one begins. Where the folder
 *   does not allow that, the file is emptied.
 * - The folder is held from the beginning: whatever is mounted over its path later is not written to.
 */
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  promises,
  realpathSync,
  type Stats,
  statSync,
  unlinkSync,
} from 'node:fs';
import { type ByteString, bufferOf, shown } from './bytes';
import { UserError } from './errors';
import { EXIT } from './exit-codes';

export const MAX_LOG_BYTES = 10 << 20;

const { O_APPEND, O_CREAT, O_DIRECTORY, O_EXCL, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;
const O_PATH = 0o10000000;
const MODE = 0o600;
const OTHERS_WRITE = 0o022;
const STICKY = 0o1000;

export class LogFile {
  /** Changed by `makeRoom` only. */
  private size: number;

  constructor(
    public fd: number,
    private readonly folder: number,
    private readonly name: ByteString,
    private readonly trusted: boolean,
  ) {
    const stat = fstatSync(fd);
    this.regular = stat.isFile();
    this.size = stat.size;
  }

  private readonly regular: boolean;

  /**
   * To be called before `bytes` are appended. True: the descriptor is another one now.
   * Rejects with an errno exception where the file is full and can neither be put aside nor emptied.
   */
  async makeRoom(bytes: number): Promise<boolean> {
    this.size += bytes;
    if (!this.regular || this.size <= MAX_LOG_BYTES) return false;
    const stat = fstatSync(this.fd);
    this.size = stat.size + bytes;
    if (this.size <= MAX_LOG_BYTES) return false;
    const before = this.fd;
    try {
      // Another process that writes to the same file may have put it aside already.
      if (await this.isNamed(stat)) await promises.rename(this.path(), this.path('.1'));
      this.fd = openChecked(this.path(), this.trusted);
    } catch {
      await promises.truncate(`/proc/self/fd/${before}`, 0);
      this.size = bytes;
      return false;
    }
    closeSync(before);
    this.size = fstatSync(this.fd).size + bytes;
    return true;
  }

  private async isNamed({ dev, ino }: Stats): Promise<boolean> {
    const named = await promises.lstat(this.path()).catch(() => null);
    return named !== null && named.dev === dev && named.ino === ino;
  }

  private path(suffix = ''): Buffer {
    return bufferOf(`/proc/self/fd/${this.folder}/${this.name}${suffix}` as ByteString);
  }
}

/** @throws UserError where it cannot be written, or is not ours to write */
export function openLogFile(path: ByteString): LogFile {
  const slash = path.lastIndexOf('/');
  const folderPath = (slash < 0 ? '.' : path.slice(0, slash + 1)) as ByteString;
  const name = path.slice(slash + 1) as ByteString;
  let folder = -1;
  try {
    folder = openSync(bufferOf(folderPath), O_PATH | O_DIRECTORY);
    const trusted = isOnlyOurs(folder);
    const fd = openChecked(bufferOf(`/proc/self/fd/${folder}/${name}` as ByteString), trusted);
    return new LogFile(fd, folder, name, trusted);
  } catch (error) {
    if (folder >= 0) closeSync(folder);
    const why = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    throw new UserError('log-file', `cannot write the log file ${shown(path)}: ${why}`, '', EXIT.USAGE);
  }
}

/** Nobody but us and root can put something else in the place of a name in this folder. */
function isOnlyOurs(folder: number): boolean {
  const path = realpathSync.native(`/proc/self/fd/${folder}`, 'latin1');
  const parts = path.split('/').filter((part) => part !== '');
  return [fstatSync(folder), ...parts.map((_, i) => statOf(`/${parts.slice(0, i).join('/')}`))].every(
    ({ uid, mode }, i) =>
      (uid === 0 || uid === process.getuid!()) &&
      ((mode & OTHERS_WRITE) === 0 || (i > 0 && (mode & STICKY) !== 0)),
  );
}

function statOf(path: string): Stats {
  return statSync(Buffer.from(path, 'latin1'));
}

/** @throws an errno exception, or an Error that says what is wrong */
function openChecked(path: Buffer, trusted: boolean): number {
  const flags = O_WRONLY | O_APPEND | O_NOCTTY | O_NONBLOCK;
  if (trusted) return openSync(path, flags | O_CREAT, MODE);
  let fd: number;
  try {
    fd = openSync(path, flags | O_CREAT | O_EXCL, MODE);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    fd = openSync(path, flags | O_NOFOLLOW);
  }
  const stat = fstatSync(fd);
  const ours = stat.isFile() && stat.uid === process.getuid!() && stat.nlink === 1;
  if (ours || stat.isCharacterDevice()) return fd;
  closeSync(fd);
  throw new Error('it is not ours, and others can write to its folder');
}

/** Removes a log file and the one that was put aside. */
export function removeLogFile(path: ByteString): void {
  for (const suffix of ['', '.1']) {
    try {
      unlinkSync(bufferOf((path + suffix) as ByteString));
    } catch {
      // It is not there, or whoever looks at the folder finds it.
    }
  }
}
