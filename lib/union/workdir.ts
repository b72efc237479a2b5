/**
 * The work directory: where everything that changes the upper layer is made before it is moved in by one rename
 * or link, so that a crash leaves either the old view or the new one. As overlayfs, all of it happens in
 * `<workdir>/work`, and what a crash left there is swept at the next mount.
 */
import { type ByteString, bytesFromText, type Name, shown } from '../base/bytes';
import { EEXIST, ENODATA, ENOENT, ENOTDIR, EOPNOTSUPP, type Errno, errnoName } from '../base/errno';
import { UserError } from '../base/errors';
import { EXIT } from '../base/exit-codes';
import { makeWhiteout } from '../layer/whiteout';
import { chmodAt, chownAt, setUmask } from '../sys/attr';
import { readDirectory } from '../sys/dir';
import { mkdirat, rmdirat, unlinkat } from '../sys/names';
import { close, openat } from '../sys/open';
import { removexattr } from '../sys/xattr';

const O_DIRECTORY = 0o200000;
const O_NOFOLLOW = 0o400000;
const O_PATH = 0o10000000;
const O_CREAT_EXCL_RDWR = 0o302;
const WORK = 'work' as Name;
const INCOMPAT = 'incompat' as Name;
const VOLATILE = 'volatile' as Name;
const ACLS = ['system.posix_acl_default', 'system.posix_acl_access'].map(bytesFromText);

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
   * @param outer a descriptor of the directory that the user gave; it stays the caller's
   * @throws UserError where the directory cannot be used, or a volatile mount was not ended cleanly
   */
  constructor(
    private readonly path: ByteString,
    outer: number,
    private readonly volatile: boolean,
  ) {
    if (hasVolatileMark(outer)) {
      throw new UserError(
        'volatile-crashed',
        `${shown(path)} belongs to a volatile mount that was not unmounted cleanly: its upper layer may be damaged`,
        `check or discard the upper layer, then remove ${shown(path)}/work/incompat/volatile`,
        EXIT.BAD_LAYER,
      );
    }
    const errno = removeTree(outer, WORK) || mkdirat(outer, WORK, 0o700);
    if (errno !== 0) throw this.unfit(errno);
    this.fd = openat(outer, WORK, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    const unfit = this.fd < 0 ? -this.fd : inheritNothing(this.fd);
    if (unfit !== 0) throw this.unfit(unfit);
    if (volatile) this.markVolatile();
  }

  private unfit(errno: Errno): UserError {
    return new UserError(
      'workdir-unfit',
      `cannot use work directory ${shown(this.path)}: ${errnoName(errno)}`,
      'give an empty directory on the file system of the upper layer',
      EXIT.BAD_LAYER,
    );
  }

  private markVolatile(): void {
    mkdirat(this.fd, INCOMPAT, 0o700);
    const incompat = openat(this.fd, INCOMPAT, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    mkdirat(incompat, VOLATILE, 0o700);
    close(incompat);
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

  /** Removes a name here, and a directory with all that is in it. What cannot be removed is swept at next mount. */
  remove(name: Name): void {
    if (unlinkat(this.fd, name) !== 0) removeTree(this.fd, name);
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

function hasVolatileMark(outer: number): boolean {
  const fd = openat(outer, 'work/incompat/volatile' as ByteString, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

/** Removes a directory and everything below it, following nothing. OK where it is not there. */
export function removeTree(dir: number, name: Name): Errno {
  const first = rmdirat(dir, name);
  if (first === 0 || first === ENOENT) return 0;
  if (first === ENOTDIR) return unlinkat(dir, name);
  const fd = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if (fd < 0) return -fd;
  const names: Name[] = [];
  const errno = readDirectory(fd, (entry) => names.push(entry));
  for (const entry of names) if (unlinkat(fd, entry) !== 0) removeTree(fd, entry);
  close(fd);
  return errno || (rmdirat(dir, name) === EEXIST ? EEXIST : 0);
}
