/**
 * The folder of an index, locked:
 *
 *   DIR                 carries the lock, an flock(2), from opening to closing; it is for the index alone
 *   DIR/listings        the database
 *   DIR/listings.old    a database on its way out: renamed first, then removed, so that a crash between the two
 *                       leaves nothing that looks like a database; swept when the folder is next opened
 *
 * It is reached as /proc/self/fd/N: any bytes may be in its path, and a mount may come to lie over it.
 */
import {
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { type ByteString, bufferOf } from '../base/bytes';
import { EAGAIN, errnoName, OK } from '../base/errno';
import { tryLock } from '../sys/io';

/** Why there is no database: a word for programs, and a message for people. */
export class NoDatabase extends Error {
  constructor(
    readonly reason: 'missing' | 'in-use' | 'not-writable' | 'damaged',
    cause: unknown,
  ) {
    super(messageOf(cause), { cause });
  }
}

/** An error in one line: what its innermost cause says. */
export function messageOf(error: unknown): string {
  let innermost = error;
  while (innermost instanceof Error && innermost.cause !== undefined) innermost = innermost.cause;
  return innermost instanceof Error ? innermost.message : String(innermost);
}

export class IndexFolder {
  private readonly root: string;

  private constructor(private readonly fd: number) {
    this.root = `/proc/self/fd/${fd}`;
  }

  /** Locks a folder, made where it is missing. Throws NoDatabase. */
  static make(folder: ByteString): IndexFolder {
    try {
      mkdirSync(bufferOf(folder), { recursive: true, mode: 0o700 });
    } catch (error) {
      throw new NoDatabase('not-writable', error);
    }
    return IndexFolder.find(folder);
  }

  /** Locks a folder. Throws NoDatabase. */
  static find(folder: ByteString): IndexFolder {
    let fd: number;
    try {
      fd = openSync(bufferOf(folder), constants.O_RDONLY | constants.O_DIRECTORY);
    } catch (error) {
      const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      throw new NoDatabase(missing ? 'missing' : 'not-writable', error);
    }
    const errno = tryLock(fd);
    if (errno === OK) return new IndexFolder(fd);
    closeSync(fd);
    if (errno === EAGAIN) throw new NoDatabase('in-use', 'another mount uses it');
    throw new NoDatabase('not-writable', `cannot be locked: ${errnoName(errno)}`);
  }

  /** The database's path, for every thread of this process. */
  get database(): string {
    return `${this.root}/listings`;
  }

  /** Whether a database, or what was one, is there. */
  hasDatabase(): boolean {
    return lstatSync(this.database, { throwIfNoEntry: false }) !== undefined;
  }

  /**
   * Makes sure that the folder takes new files: where it does not (read-only, full), a database that cannot be
   * opened is not to be taken for a damaged one. Throws NoDatabase.
   */
  probe(): void {
    const file = `${this.root}/probe`;
    try {
      rmSync(`${this.root}/listings.old`, { recursive: true, force: true });
      rmSync(file, { force: true });
      try {
        writeFileSync(file, Buffer.alloc(8192), { flag: 'wx', mode: 0o600 });
      } finally {
        rmSync(file, { force: true });
      }
    } catch (error) {
      throw new NoDatabase('not-writable', error);
    }
  }

  /** An empty place for a database. Throws fs errors. Preconditions: the database is not open. */
  clear(): void {
    this.removeDatabase();
    mkdirSync(this.database, { mode: 0o700 });
  }

  /** Removes the database, whatever it is by now. Throws fs errors. Preconditions: it is not open. */
  removeDatabase(): void {
    const old = `${this.root}/listings.old`;
    rmSync(old, { recursive: true, force: true });
    if (!this.hasDatabase()) return;
    renameSync(this.database, old);
    rmSync(old, { recursive: true, force: true });
  }

  /** Gives up the lock; nothing may be called after it. */
  close(): void {
    closeSync(this.fd);
  }
}
