/**
 * The folder of an index, locked:
 *
 *   DIR                 carries the lock, an flock(2), from opening to closing; it is for the index alone
 *   DIR/listings        the database
 *   DIR/listings.old    a database on its way out: renamed first, then removed, so that a crash between the two
 *                       leaves nothing that looks like a database; swept when the folder is next opened
 *
 * What is in it is believed, so nobody else may have written it: the folder is ours, is no symlink, and is closed to
 * others; a database is used where it and all its files are ours too, are what they should be, and have no other name.
 * All of that is asked of descriptors, or of names in a folder that only we can change.
 *
 * It is reached as /proc/self/fd/N: any bytes may be in its path, and a mount may come to lie over it.
 */
import { closeSync, constants, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { type ByteString, bufferOf, type Name, shown } from '../base/bytes';
import { EAGAIN, type Errno, errnoName, OK } from '../base/errno';
import { chmodAt } from '../sys/attr';
import { readDirectory } from '../sys/dir';
import { tryLock } from '../sys/io';
import { mkdirat, renameat2 } from '../sys/names';
import { close, openat } from '../sys/open';
import { removeTree } from '../sys/remove-tree';
import { newStat, type Stat, statAt } from '../sys/stat';

const DATABASE = 'listings' as Name;
const OLD = 'listings.old' as Name;
const PROBE = 'probe' as Name;
const { S_IFMT, S_IFDIR, S_IFREG, O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
/** Write permission for group and others; a POSIX ACL that gives any shows in the group's. */
const OTHERS_WRITE = 0o022;

/** Why there is no database: a word for programs, and a message for people. */
export class NoDatabase extends Error {
  constructor(
    readonly reason: 'missing' | 'in-use' | 'not-writable' | 'not-private' | 'damaged',
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
      // A slash at the end would follow a symlink.
      const itself = (folder.replace(/\/+$/, '') || '/') as ByteString;
      fd = openSync(bufferOf(itself), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    } catch (error) {
      const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      throw new NoDatabase(missing ? 'missing' : 'not-writable', error);
    }
    try {
      makePrivate(fd);
      const errno = tryLock(fd);
      if (errno === OK) return new IndexFolder(fd);
      if (errno === EAGAIN) throw new NoDatabase('in-use', 'another mount uses it');
      throw new NoDatabase('not-writable', `cannot be locked: ${errnoName(errno)}`);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** The database's path, for every thread of this process. */
  get database(): string {
    return `${this.root}/${DATABASE}`;
  }

  /** Whether a database, or what was one, is there. */
  hasDatabase(): boolean {
    return statAt(this.fd, DATABASE, newStat()) === OK;
  }

  /** Why what the database consists of is not to be believed, or even opened; null where it is. */
  distrust(): string | null {
    const stat = newStat();
    const unlike = (dir: number, name: Name, type: number): string | null => {
      const errno = statAt(dir, name, stat);
      return errno === OK ? whyNotOurs(stat, type) : errnoName(errno);
    };
    const why = unlike(this.fd, DATABASE, S_IFDIR);
    if (why !== null) return `${DATABASE} ${why}`;
    const fd = openat(this.fd, DATABASE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (fd < 0) return `${DATABASE}: ${errnoName(-fd)}`;
    const names: Name[] = [];
    const errno = readDirectory(fd, (name) => names.push(name));
    let found = errno === OK ? null : `${DATABASE}: ${errnoName(errno)}`;
    for (const name of names) {
      const reason = found === null ? unlike(fd, name, S_IFREG) : null;
      if (reason !== null) found = `${DATABASE}/${shown(name)} ${reason}`;
    }
    close(fd);
    return found;
  }

  /**
   * Makes sure that the folder takes new files: where it does not (read-only, full), a database that cannot be
   * opened is not to be taken for a damaged one. Throws NoDatabase.
   */
  probe(): void {
    try {
      this.remove(OLD);
      this.remove(PROBE);
      try {
        writeFileSync(`${this.root}/${PROBE}`, Buffer.alloc(8192), { flag: 'wx', mode: 0o600 });
      } finally {
        this.remove(PROBE);
      }
    } catch (error) {
      throw new NoDatabase('not-writable', error);
    }
  }

  /** An empty place for a database. Throws errors. Preconditions: the database is not open. */
  clear(): void {
    this.removeDatabase();
    check(`mkdir ${DATABASE}`, mkdirat(this.fd, DATABASE, 0o700));
  }

  /** Removes the database, whatever it is by now. Throws errors. Preconditions: it is not open. */
  removeDatabase(): void {
    this.remove(OLD);
    if (!this.hasDatabase()) return;
    check(`rename ${DATABASE}`, renameat2(this.fd, DATABASE, this.fd, OLD, 0));
    this.remove(OLD);
  }

  private remove(name: Name): void {
    check(`remove ${name}`, removeTree(this.fd, name));
  }

  /** Gives up the lock; nothing may be called after it. */
  close(): void {
    closeSync(this.fd);
  }
}

function check(what: string, errno: Errno): void {
  if (errno !== OK) throw new Error(`${errnoName(errno)}: ${what}`);
}

function whyNotOurs(stat: Stat, type: number): string | null {
  if ((stat.mode & S_IFMT) !== type) return `is no ${type === S_IFDIR ? 'directory' : 'regular file'}`;
  if (stat.uid !== process.geteuid!()) return `belongs to user ${stat.uid}`;
  if ((stat.mode & OTHERS_WRITE) !== 0) {
    return `can be written to by others (mode ${(stat.mode & 0o7777).toString(8)})`;
  }
  if (type === S_IFREG && stat.nlink !== 1) return 'has another name';
  return null;
}

/** Closes an open folder of ours to others. Throws NoDatabase where others could have written to it. */
function makePrivate(fd: number): void {
  const stat = newStat();
  const errno = statAt(fd, null, stat);
  if (errno !== OK) throw new NoDatabase('not-private', errnoName(errno));
  const why = whyNotOurs(stat, S_IFDIR);
  if (why !== null) throw new NoDatabase('not-private', `the folder ${why}`);
  if ((stat.mode & 0o077) === 0) return;
  const closed = chmodAt(fd, null, 0o700);
  if (closed !== OK) throw new NoDatabase('not-writable', `cannot be closed to others: ${errnoName(closed)}`);
}
