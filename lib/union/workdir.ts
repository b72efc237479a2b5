/**
 * The work directory: where everything that changes the upper layer is made before it is moved in by one rename
 * or link, so that a crash leaves either the old view or the new one. As overlayfs, all of it happens in
 * `<workdir>/work`:
 *
 *   #HEX                what is being made, or (after a crash) is left over; any type
 *   incompat/           features that a mount without them must not ignore; the one that we know is
 *   incompat/volatile   a volatile mount is, or was when it crashed, at work
 *
 * Anything else was not made by a union mount and is not touched. What is left over stays until it is swept, which is
 * its finder's affair: the names made here are others.
 */
import { type ByteString, bytesFromText, type Name, shown } from '../base/bytes';
import { EEXIST, ELOOP, ENODATA, ENOTDIR, EOPNOTSUPP, type Errno, errnoName, OK } from '../base/errno';
import { UserError } from '../base/errors';
import { EXIT } from '../base/exit-codes';
import { makeWhiteout } from '../layer/whiteout';
import { chmodAt, chownAt, setUmask } from '../sys/attr';
import { readDirectory } from '../sys/dir';
import { mkdirat, rmdirat, unlinkat } from '../sys/names';
import { close, openat } from '../sys/open';
import { removeTree } from '../sys/remove-tree';
import { removexattr } from '../sys/xattr';

const O_DIRECTORY = 0o200000;
const O_NOFOLLOW = 0o400000;
const O_PATH = 0o10000000;
const O_CREAT_EXCL_RDWR = 0o302;
export const WORK = 'work' as Name;
/** Names that a request removes by itself. */
const FEW = 256;
const INCOMPAT = 'incompat' as Name;
const VOLATILE = 'volatile' as Name;
const ACLS = ['system.posix_acl_default', 'system.posix_acl_access'].map(bytesFromText);
/** The kernel's and our names for what is being made. */
const MADE = /^#[0-9a-f]{1,12}$/;

/** A regular file being made in the work directory. */
export interface WorkFile {
  readonly fd: number;
  readonly name: Name;
}

export class Workdir {
  /** O_PATH descriptor of `<workdir>/work`. */
  readonly fd: number;
  private next = 0;

  /**
   * Removes nothing.
   * @param outer a descriptor of the directory that the user gave; it stays the caller's
   * @throws UserError where the directory cannot be used, holds what no union made, or a volatile mount was not
   * ended cleanly
   */
  constructor(
    path: ByteString,
    outer: number,
    private readonly volatile: boolean,
  ) {
    const made = mkdirat(outer, WORK, 0o700);
    if (made !== OK && made !== EEXIST) throw unfit(path, made);
    this.fd = openWork(path, outer);
    try {
      for (const name of leftoversIn(path, this.fd)) {
        this.next = Math.max(this.next, Number.parseInt(name.slice(1), 16) + 1);
      }
      const errno = inheritNothing(this.fd) || (volatile ? this.markVolatile() : OK);
      if (errno !== OK) throw unfit(path, errno);
    } catch (error) {
      close(this.fd);
      throw error;
    }
  }

  private markVolatile(): Errno {
    const made = mkdirat(this.fd, INCOMPAT, 0o700);
    if (made !== OK && made !== EEXIST) return made;
    const incompat = openat(this.fd, INCOMPAT, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    if (incompat < 0) return -incompat;
    const errno = mkdirat(incompat, VOLATILE, 0o700);
    close(incompat);
    return errno;
  }

  /** A name that nothing in the work directory has. */
  freshName(): Name {
    return `#${(this.next++).toString(16)}` as Name;
  }

  /** A new file with exactly this mode, for reading and writing; or an errno. */
  newFile(mode: number): WorkFile | Errno {
    setUmask(0);
    const name = this.freshName();
    const fd = openat(this.fd, name, O_CREAT_EXCL_RDWR, mode);
    return fd < 0 ? -fd : { fd, name };
  }

  /** Closes and removes a file made here that was not moved away. */
  discard(file: WorkFile): void {
    close(file.fd);
    unlinkat(this.fd, file.name);
  }

  /** Makes a whiteout here. Returns its name or an errno. */
  whiteout(): Name | Errno {
    const name = this.freshName();
    const errno = makeWhiteout(this.fd, name);
    return errno === 0 ? name : errno;
  }

  /** Removes a tree from here by and by; set by who uses the work directory. */
  removeLater: (name: Name) => void = (name) => removeTree(this.fd, name);

  /**
   * Removes a name here, and a directory with all that is in it: at once, or by and by where that is much. What cannot
   * be removed is left over.
   */
  remove(name: Name): void {
    if (unlinkat(this.fd, name) === 0 || rmdirat(this.fd, name) === 0) return;
    if (!removeFew(this.fd, name)) this.removeLater(name);
  }

  close(): void {
    if (this.volatile) removeTree(this.fd, INCOMPAT);
    close(this.fd);
  }
}

/**
 * What is made in the work directory must take no group and no ACL from the one that the user gave, or a file
 * that is copied up could be read by others than before (fs/overlayfs/super.c:ovl_workdir_create).
 */
function inheritNothing(fd: number): Errno {
  for (const acl of ACLS) {
    const errno = removexattr(fd, null, acl);
    if (errno !== 0 && errno !== ENODATA && errno !== EOPNOTSUPP) return errno;
  }
  return chownAt(fd, null, process.geteuid!(), process.getegid!()) || chmodAt(fd, null, 0o700);
}

function unfit(path: ByteString, errno: Errno): UserError {
  return new UserError(
    'workdir-unfit',
    `cannot use work directory ${shown(path)}: ${errnoName(errno)}`,
    'give an empty directory on the file system of the upper layer',
    EXIT.BAD_LAYER,
  );
}

function foreign(path: ByteString, name: string): UserError {
  return new UserError(
    'workdir-foreign',
    `${shown(`${path}/${name}` as ByteString)} was not made by a union mount`,
    'move it away, or give another work directory',
    EXIT.BAD_LAYER,
  );
}

/**
 * An O_PATH descriptor of `<workdir>/work`, which must be there and a directory.
 * @throws UserError where it cannot be had
 */
export function openWork(path: ByteString, outer: number): number {
  const fd = openat(outer, WORK, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if (fd === -ENOTDIR || fd === -ELOOP) throw foreign(path, WORK);
  if (fd < 0) throw unfit(path, -fd);
  return fd;
}

/**
 * What a crash left in `<workdir>/work`, to be removed by whoever has the work directory for himself.
 * @throws UserError where something else is there: what no union made, or the mark of a feature that must not be
 * ignored
 */
export function leftoversIn(path: ByteString, work: number): Name[] {
  const found: Name[] = [];
  let incompat = false;
  const errno = readDirectory(work, (name) => {
    if (name === INCOMPAT) incompat = true;
    else if (MADE.test(name)) found.push(name);
    else throw foreign(path, `${WORK}/${name}`);
  });
  if (errno !== OK) throw unfit(path, errno);
  if (incompat) refuseFeatures(path, work);
  return found;
}

function refuseFeatures(path: ByteString, work: number): void {
  const fd = openat(work, INCOMPAT, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if (fd === -ENOTDIR || fd === -ELOOP) throw foreign(path, `${WORK}/${INCOMPAT}`);
  if (fd < 0) throw unfit(path, -fd);
  const features: Name[] = [];
  const errno = readDirectory(fd, (name) => features.push(name));
  close(fd);
  if (errno !== OK) throw unfit(path, errno);
  const [feature] = features;
  if (feature === undefined) return;
  const mark = shown(`${path}/${WORK}/${INCOMPAT}/${feature}` as ByteString);
  if (feature !== VOLATILE) {
    throw new UserError(
      'workdir-incompatible',
      `the work directory needs a feature that is not known here: ${mark}`,
      'mount it with the file system that made it',
      EXIT.BAD_LAYER,
    );
  }
  throw new UserError(
    'volatile-crashed',
    `${shown(path)} belongs to a volatile mount that was not unmounted cleanly: its upper layer may be damaged`,
    `check or discard the upper layer, then remove ${mark}`,
    EXIT.BAD_LAYER,
  );
}

/** Removes a directory with a few names and nothing below them. False where it is not that; part of it may be gone. */
function removeFew(dir: number, name: Name): boolean {
  const fd = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if (fd < 0) return false;
  const names: Name[] = [];
  readDirectory(fd, (entry) => names.push(entry) < FEW);
  if (names.length < FEW) for (const entry of names) unlinkat(fd, entry);
  close(fd);
  return names.length < FEW && rmdirat(dir, name) === 0;
}
