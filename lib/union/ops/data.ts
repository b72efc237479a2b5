/** Opening, reading and writing regular files, and what syncs them. */
import type { Name } from '../../base/bytes';
import {
  type Count,
  EAGAIN,
  EEXIST,
  EISDIR,
  ENOENT,
  ENOSYS,
  EPERM,
  type Errno,
  ESTALE,
  OK,
} from '../../base/errno';
import type { Fh, NodeId } from '../../base/ids';
import {
  fallocate as allocate,
  copyFileRange as copyRange,
  pread,
  pwrite,
  lseek as seek,
} from '../../sys/io';
import { close, dup, openat } from '../../sys/open';
import { type Stat, statAt } from '../../sys/stat';
import {
  O_ACCMODE,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_RDWR,
  O_TMPFILE,
  O_TRUNC,
  S_IFREG,
} from '../../vfs/flags';
import type { Job } from '../../vfs/jobs';
import type { Call, Entry, Opened } from '../../vfs/types';
import { copyUp, copyUpDir } from '../copy-up';
import type { Core } from '../core';
import { File, type Node } from '../inode';
import type { OpenFile } from '../open-files';
import { keepingPrivileges, lostByAnyWrite, lostByWrite } from '../privileges';
import { isAppendOnly, mayOpen } from '../protection';
import { resolve } from '../resolve';
import { clearBits, truncate } from './attributes';
import { madeFile, makeName } from './make';

/** Handles carry no state: a node counts how many are open. */
const ANY_FH = 1 as Fh;
/** But those of a retired node that were opened after a change: they read the upper file, the others the lower one. */
const FRESH_FH = 2 as Fh;
const DOT = '.' as Name;
const MODE_BITS = 0o7777;
/** A longer copy_file_range is a job. */
const INLINE_COPY_BYTES = 1024 * 1024;

export function open(
  core: Core,
  call: Call,
  id: NodeId,
  flags: number,
  killPriv: boolean,
  out: Opened,
): Errno {
  const node = core.node(id);
  if (node === undefined) return ESTALE;
  const file = node.inode;
  if (file.isDir) return EISDIR;
  const truncates = (flags & O_TRUNC) !== 0;
  const writes = (flags & O_ACCMODE) !== O_RDONLY || truncates;
  let errno = writes ? core.writable || mayOpen(file, flags) : OK;
  if (errno !== OK) return errno;
  if (mustLookUpAgain(core, call, node, file, writes)) return ESTALE;
  if (writes) {
    errno = copyUp(core, call, file, truncates ? 0 : undefined);
    if (errno === OK && truncates) errno = truncate(core, node, file, 0);
    if (errno === OK && truncates && killPriv) errno = clearOfOpen(core, call, node, file);
    if (errno !== OK) return errno;
  }
  errno = bind(core, node, file, out);
  // It comes again, and is not to be refused then.
  if (errno !== EAGAIN) core.staleOpens.settled(call.pid);
  return errno;
}

/** Is the kernel to look the name up again, for a node that serves this open? See stale-opens.ts. */
function mustLookUpAgain(core: Core, call: Call, node: Node, file: File, writes: boolean): boolean {
  const fits = node.bound === null || node.bound.upper === (writes || file.upper);
  if (file.node === null && fits) core.table.revive(node);
  if (file.node === node) {
    if (!writes || fits) return false;
    core.retire(node);
  }
  if (core.staleOpens.refuse(call.pid, node.id)) return true;
  if (!writes || fits) return false;
  core.staleOpens.settled(call.pid);
  return true;
}

function clearOfOpen(core: Core, call: Call, node: Node, file: File): Errno {
  const open = core.files.of(file);
  return typeof open === 'number' ? -open : clearByWrite(core, call, node.id, open.fd, lostByWrite);
}

/** Takes from a file the set-ID bits that a write by the caller clears, and tells the kernel. */
function clearByWrite(
  core: Core,
  call: Call,
  id: NodeId,
  fd: number,
  lost: (call: Call, stat: Stat) => number,
): Errno {
  const errno = statAt(fd, null, core.stat);
  if (errno !== OK) return errno;
  const bits = lost(call, core.stat);
  if (bits === 0) return OK;
  core.kernel.invalidateAttributes(id);
  return clearBits(fd, null, bits);
}

function bind(core: Core, node: Node, file: File, out: Opened): Errno {
  const backing = core.files.bind(node, file);
  if (backing < 0) return -backing;
  const fresh = node.bound !== null && node.bound.upper !== file.upper && file.node !== node;
  out.backing = backing;
  out.fh = fresh ? FRESH_FH : ANY_FH;
  out.direct = fresh;
  out.keepCache = file.nodes < 2;
  return OK;
}

export function release(core: Core, id: NodeId): void {
  const node = core.node(id);
  if (node === undefined || node.handles === 0) return;
  const wrote = node.bound?.upper;
  core.files.unbind(node);
  if (wrote && node.handles === 0) core.kernel.invalidateAttributes(id);
}

export function create(
  core: Core,
  call: Call,
  parentId: NodeId,
  name: Name,
  mode: number,
  flags: number,
  entry: Entry,
  opened: Opened,
): Errno {
  const parent = core.dir(parentId);
  if (typeof parent === 'number') return parent;
  let fd = -ENOENT;
  const errno = makeName(core, call, parent, name, false, (dir, at) => {
    fd = openat(dir, at, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW, mode & MODE_BITS);
    return fd < 0 ? -fd : OK;
  });
  if (errno === EEXIST && (flags & O_EXCL) === 0) {
    return openExisting(core, call, parentId, name, flags, entry, opened);
  }
  if (errno !== OK) {
    if (fd >= 0) close(fd);
    return errno;
  }
  const failed = statAt(fd, null, core.stat);
  if (failed !== OK) {
    close(fd);
    return failed;
  }
  const file = madeFile(core, parent, name, core.stat);
  core.files.adopt(file, fd);
  core.answer(file, core.stat, entry);
  return bind(core, file.node!, file, opened);
}

function openExisting(
  core: Core,
  call: Call,
  parentId: NodeId,
  name: Name,
  flags: number,
  entry: Entry,
  opened: Opened,
): Errno {
  const parent = core.dir(parentId);
  if (typeof parent === 'number') return parent;
  const inode = resolve(core, parent, name, core.stat);
  if (typeof inode === 'number') return inode;
  core.answer(inode, core.stat, entry);
  // As the kernel says it of OPEN, but for a user with CAP_FSETID.
  const errno = open(core, call, entry.node, flags, call.uid !== 0, opened);
  if (errno !== OK) core.table.forget(entry.node, 1);
  return errno;
}

export function tmpfile(
  core: Core,
  call: Call,
  parentId: NodeId,
  mode: number,
  flags: number,
  entry: Entry,
  opened: Opened,
): Errno {
  const parent = core.dir(parentId);
  if (typeof parent === 'number') return parent;
  const errno = copyUpDir(core, parent);
  if (errno !== OK) return errno;
  const dir = parent.upper!.fd();
  if (dir < 0) return -dir;
  core.actAs(call);
  const fd = openat(dir, DOT, O_TMPFILE | O_RDWR | (flags & O_EXCL), mode & MODE_BITS);
  core.actAsSelf(call);
  if (fd < 0) return -fd;
  const failed = statAt(fd, null, core.stat);
  if (failed !== OK) {
    close(fd);
    return failed;
  }
  const file = new File(S_IFREG, core.numbers.of(core.upper!, core.stat.ino), null, DOT, null);
  file.upperIno = core.stat.ino;
  const unheld = core.hold(file, dup(fd), call.uid);
  if (unheld !== OK) {
    close(fd);
    return unheld;
  }
  core.files.adopt(file, fd);
  core.answer(file, core.stat, entry);
  return bind(core, file.node!, file, opened);
}

/** The file that a data operation on a handle works on: what the node is bound to, else the real one. */
function fileOf(core: Core, id: NodeId, fh: Fh): OpenFile | number {
  const node = core.node(id);
  if (node === undefined || node.inode.isDir) return -ESTALE;
  return node.bound !== null && fh !== FRESH_FH ? core.files.ready(node.bound) : core.files.of(node.inode);
}

/** The same for an operation that changes the data from an offset on: the file is copied up first. */
function fileToWrite(core: Core, call: Call, id: NodeId, fh: Fh, offset: number): OpenFile | number {
  const inode = core.node(id)?.inode;
  if (inode === undefined || inode.isDir) return -ESTALE;
  const errno = (isAppendOnly(inode) ? mayWriteAt(core, inode, offset) : OK) || copyUp(core, call, inode);
  return errno === OK ? fileOf(core, id, fh) : -errno;
}

/** Where files are opened without a message, nothing but the place tells who appends. */
function mayWriteAt(core: Core, file: File, offset: number): Errno {
  return core.statOf(file, core.stat) || (offset < core.stat.size ? EPERM : OK);
}

export function read(core: Core, id: NodeId, fh: Fh, offset: number, into: Buffer): Count {
  const file = fileOf(core, id, fh);
  return typeof file === 'number' ? file : pread(file.fd, into, offset);
}

export function write(
  core: Core,
  call: Call,
  id: NodeId,
  fh: Fh,
  offset: number,
  data: Buffer,
  killPriv: boolean,
  mapped: boolean,
): Count {
  core.writesPages = mapped;
  const file = fileToWrite(core, call, id, fh, offset);
  core.writesPages = false;
  if (typeof file === 'number') return file;
  if (mapped) return keepingPrivileges(file, () => pwrite(file.fd, data, offset));
  const errno = killPriv ? clearByWrite(core, call, id, file.fd, lostByWrite) : OK;
  return errno === OK ? pwrite(file.fd, data, offset) : -errno;
}

export function fallocate(
  core: Core,
  call: Call,
  id: NodeId,
  fh: Fh,
  mode: number,
  offset: number,
  length: number,
): Errno {
  const file = fileToWrite(core, call, id, fh, Number.POSITIVE_INFINITY);
  if (typeof file === 'number') return -file;
  return clearByWrite(core, call, id, file.fd, lostByAnyWrite) || allocate(file.fd, mode, offset, length);
}

export function lseek(core: Core, id: NodeId, fh: Fh, offset: number, whence: number): Count {
  const file = fileOf(core, id, fh);
  return typeof file === 'number' ? file : seek(file.fd, offset, whence);
}

export function copyFileRange(
  core: Core,
  call: Call,
  id: NodeId,
  fh: Fh,
  offset: number,
  toId: NodeId,
  toFh: Fh,
  toOffset: number,
  length: number,
): Count {
  const copied = core.ownResult(call);
  if (copied !== null) return copied;
  const to = fileToWrite(core, call, toId, toFh, toOffset);
  if (typeof to === 'number') return to;
  const from = fileOf(core, id, fh);
  if (typeof from === 'number') return from;
  const errno = clearByWrite(core, call, toId, to.fd, lostByAnyWrite);
  if (errno !== OK) return -errno;
  if (length <= INLINE_COPY_BYTES) return copyRange(from.fd, offset, to.fd, toOffset, length);
  return -park(core, call, [from, to], {
    kind: 'copy-range',
    from: from.fd,
    fromOffset: offset,
    to: to.fd,
    toOffset,
    length,
  });
}

/** Starts a job of one request only; the files it works on stay open until it is done. */
function park(core: Core, call: Call, files: readonly OpenFile[], job: Job): Errno {
  for (const file of files) core.files.use(file);
  return core.parkOnOwn(call, job, () => {
    for (const file of files) core.files.unuse(file);
  });
}

/** Nothing that this mount writes needs a sync, ever: ENOSYS tells the kernel not to ask again. */
function neverSyncs(core: Core): boolean {
  return core.upper === null || core.options.volatile || core.upper.inMemory;
}

export function fsync(core: Core, call: Call, id: NodeId, fh: Fh, dataOnly: boolean): Errno {
  const inode = core.node(id)?.inode;
  if (inode === undefined) return ESTALE;
  if (inode.isDir) return fsyncdir(core, call, id);
  if (neverSyncs(core)) return ENOSYS;
  if (!inode.upper) return OK;
  const synced = core.ownResult(call);
  if (synced !== null) return -synced;
  const file = fileOf(core, id, fh);
  return typeof file === 'number'
    ? -file
    : park(core, call, [file], { kind: 'fsync', fd: file.fd, dataOnly });
}

export function fsyncdir(core: Core, call: Call, id: NodeId): Errno {
  const dir = core.dir(id);
  if (typeof dir === 'number') return dir;
  if (neverSyncs(core)) return ENOSYS;
  if (dir.upper === null) return OK;
  const synced = core.ownResult(call);
  if (synced !== null) return -synced;
  const path = dir.upper.fd();
  const fd = path < 0 ? path : openat(path, DOT, O_RDONLY | O_DIRECTORY);
  if (fd < 0) return -fd;
  return core.parkOnOwn(call, { kind: 'fsync', fd, dataOnly: false }, () => close(fd));
}

export function syncfs(core: Core, call: Call): Errno {
  if (neverSyncs(core)) return ENOSYS;
  const synced = core.ownResult(call);
  if (synced !== null) return -synced;
  const fd = openat(core.upper!.fd, DOT, O_RDONLY | O_DIRECTORY);
  if (fd < 0) return -fd;
  return core.parkOnOwn(call, { kind: 'syncfs', fd }, () => close(fd));
}
