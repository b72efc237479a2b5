/**
 * Whether the directories of a mount are fit for it: they exist, do not contain each other, and the upper's file
 * system can hold what a union writes.
 */
import { readFileSync } from 'node:fs';
import { type ByteString, shown } from '../../lib/base/bytes';
import { EEXIST, ENOENT, ENOTDIR, EROFS, type Errno, errnoName } from '../../lib/base/errno';
import { UserError } from '../../lib/base/errors';
import { EXIT } from '../../lib/base/exit-codes';
import { readDirectory } from '../../lib/sys/dir';
import { mkdirat, mknodat, rmdirat, unlinkat } from '../../lib/sys/names';
import { AT_FDCWD, close, openat } from '../../lib/sys/open';
import { newStat, statAt } from '../../lib/sys/stat';
import { setxattr } from '../../lib/sys/xattr';
import { O_DIRECTORY, O_NOFOLLOW, O_PATH, S_IFCHR } from '../../lib/vfs/flags';
import type { StackConfig } from './config';

/** As many lower layers as the kernel's overlayfs takes (fs/overlayfs/params.c:OVL_MAX_STACK). */
export const MAX_LOWERS = 500;

/** A directory of the stack, open (O_PATH) since it was checked. */
export interface Directory {
  readonly role: string;
  readonly path: ByteString;
  readonly fd: number;
  /** Device and inode. */
  readonly identity: string;
}

function unfit(code: string, message: string, hint = ''): UserError {
  return new UserError(code, message, hint, EXIT.BAD_LAYER);
}

export interface CheckedStack {
  /** What the mount writes to; the descriptors are the caller's. Null for a stack without an upper directory. */
  readonly writable: { readonly upper: Directory; readonly work: Directory } | null;
  /** The directory of the stack that the mountpoint lies in, as people are told of it. */
  readonly aroundMountpoint: string | null;
}

/** @throws UserError for the first thing that is wrong */
export function checkLayers(config: StackConfig, mountpoint: ByteString | null): CheckedStack {
  if (config.lowers.length > MAX_LOWERS) {
    throw new UserError(
      'too-many-layers',
      `${config.lowers.length} lower layers are too many`,
      `up to ${MAX_LOWERS} are possible`,
      EXIT.USAGE,
    );
  }
  const opened: Directory[] = [];
  let kept: CheckedStack['writable'] = null;
  const open = (role: string, path: ByteString): Directory => {
    const directory = openDirectory(role, path);
    opened.push(directory);
    return directory;
  };
  try {
    const lowers = config.lowers.map((path) => open('lower layer', path));
    const upper = config.upper === null ? null : open('upper directory', config.upper);
    if (config.index !== 'auto' && config.index !== 'off') {
      checkOutside(config.index, upper === null ? lowers : [upper, ...lowers]);
    }
    const around = (layers: readonly Directory[]): string | null =>
      mountpoint === null ? null : layerAround(mountpoint, layers);
    if (upper === null || config.work === null) {
      return { writable: null, aroundMountpoint: around(lowers) };
    }
    const work = open('work directory', config.work);
    checkApart(upper, work);
    for (const lower of lowers) {
      checkApart(upper, lower);
      checkApart(work, lower);
    }
    if (mountIdOf(upper.fd) !== mountIdOf(work.fd)) {
      throw unfit(
        'other-file-system',
        `${named(upper)} and ${named(work)} are on different file systems`,
        'put both on one mount',
      );
    }
    const aroundMountpoint = around([upper, work, ...lowers]);
    kept = { upper, work };
    return { writable: kept, aroundMountpoint };
  } finally {
    for (const directory of opened) {
      if (directory !== kept?.upper && directory !== kept?.work) close(directory.fd);
    }
  }
}

function named({ role, path }: Pick<Directory, 'role' | 'path'>): string {
  return `${role} ${shown(path)}`;
}

function openDirectory(role: string, path: ByteString): Directory {
  const fd = openat(AT_FDCWD, path, O_PATH | O_DIRECTORY);
  if (fd === -ENOENT) throw unfit('layer-missing', `${named({ role, path })} does not exist`);
  if (fd === -ENOTDIR) throw unfit('layer-not-directory', `${named({ role, path })} is not a directory`);
  if (fd < 0) throw unfit('layer-unfit', `cannot open ${named({ role, path })}: ${errnoName(-fd)}`);
  return { role, path, fd, identity: identityOf(fd) };
}

function identityOf(fd: number): string {
  const stat = newStat();
  const errno = statAt(fd, null, stat);
  if (errno !== 0) throw unfit('layer-unfit', `cannot read a layer's attributes: ${errnoName(errno)}`);
  return `${stat.devMajor}:${stat.devMinor}:${stat.ino}`;
}

function mountIdOf(fd: number): string {
  return /^mnt_id:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1] ?? '';
}

/** Neither may be the other or lie in it (fs/overlayfs/super.c:ovl_check_overlapping_layers). */
function checkApart(a: Directory, b: Directory): void {
  if (a.identity === b.identity) {
    throw unfit('layers-overlap', `${named(a)} and ${named(b)} are the same directory`);
  }
  if (ancestorsOf(a.fd).has(b.identity)) throw unfit('layers-overlap', `${named(a)} lies inside ${named(b)}`);
  if (ancestorsOf(b.fd).has(a.identity)) throw unfit('layers-overlap', `${named(b)} lies inside ${named(a)}`);
}

/** Which of the layers a path lies in, not counting one that it is itself. */
function layerAround(path: ByteString, layers: readonly Directory[]): string | null {
  const fd = openat(AT_FDCWD, path, O_PATH | O_DIRECTORY);
  if (fd < 0) return null;
  const places = ancestorsOf(fd);
  close(fd);
  const layer = layers.find(({ identity }) => places.has(identity));
  return layer === undefined ? null : named(layer);
}

/** An index is written to: it must not be in a layer. It need not exist yet. */
function checkOutside(index: ByteString, layers: readonly Directory[]): void {
  let path = index;
  let fd = openat(AT_FDCWD, path, O_PATH | O_DIRECTORY);
  while (fd === -ENOENT && path !== '') {
    path = path.slice(0, path.lastIndexOf('/')) as ByteString;
    fd = openat(AT_FDCWD, path === '' ? ('/' as ByteString) : path, O_PATH | O_DIRECTORY);
  }
  if (fd < 0) return;
  const places = ancestorsOf(fd).add(identityOf(fd));
  close(fd);
  const layer = layers.find(({ identity }) => places.has(identity));
  if (layer !== undefined) throw unfit('layers-overlap', `index ${shown(index)} lies inside ${named(layer)}`);
}

const UP = '..' as ByteString;

function ancestorsOf(directory: number): Set<string> {
  const found = new Set<string>();
  for (let fd = openat(directory, UP, O_PATH | O_DIRECTORY); fd >= 0; ) {
    const identity = identityOf(fd);
    const above = found.has(identity) ? -1 : openat(fd, UP, O_PATH | O_DIRECTORY);
    found.add(identity);
    close(fd);
    fd = above;
  }
  return found;
}

/**
 * Tries in the work directory what a union writes: a whiteout, a private xattr, and reads a type back.
 * Preconditions: nobody else uses the work directory.
 * @throws UserError where the file system cannot hold it
 */
export function probeWorkDirectory(path: ByteString, xattrs: 'trusted' | 'user'): void {
  const work = openDirectory('work directory', path);
  try {
    probe(work, xattrs);
  } finally {
    close(work.fd);
  }
}

function probe(work: Directory, xattrs: 'trusted' | 'user'): void {
  const name = `.stratafs-probe-${process.pid}` as ByteString;
  const whiteout = 'whiteout' as ByteString;
  const fail = (what: string, errno: Errno): never => {
    if (errno === EROFS) {
      throw unfit('upper-read-only', `${named(work)} is on a read-only file system`, 'mount it writable');
    }
    throw unfit('upper-unfit', `${named(work)}: ${what}: ${errnoName(errno)}`, 'use another file system');
  };
  const made = mkdirat(work.fd, name, 0o700);
  if (made !== 0 && made !== EEXIST) fail('cannot make a directory', made);
  const fd = openat(work.fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  try {
    const key = `${xattrs}.overlay.opaque` as ByteString;
    const marked = setxattr(fd, null, key, Buffer.from('y'));
    if (marked !== 0) fail(`cannot set xattr ${key}`, marked);
    const device = mknodat(fd, whiteout, S_IFCHR, 0, 0);
    if (device !== 0 && device !== EEXIST) fail('cannot make a whiteout (character device 0:0)', device);
    readDirectory(fd, (_name, _ino, dirType) => {
      if (dirType === 0) {
        throw unfit(
          'upper-unfit',
          `the file system of ${named(work)} does not tell entry types (d_type)`,
          'use another file system (xfs: ftype=1)',
        );
      }
    });
  } finally {
    unlinkat(fd, whiteout);
    close(fd);
    rmdirat(work.fd, name);
  }
}
