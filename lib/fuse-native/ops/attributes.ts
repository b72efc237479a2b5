/**
 * Attributes. libfuse breaks one SETATTR into chmod, chown, truncate and utimens, forgets a time that comes alone,
 * and ends with a getattr for the reply. So those callbacks do nothing, and that getattr, seen to serve a SETATTR,
 * makes the whole change as the request states it, in one step.
 */
import type { ByteString } from '../../base/bytes';
import { type Count, EFBIG, ENOENT, OK } from '../../base/errno';
import { type Fh, NO_FH } from '../../base/ids';
import { TimeSource } from '../../vfs/types';
import { Opcode } from '../opcodes';
import { type Operation, plain, withStat } from '../operation';
import type { PathEntry } from '../path-table';
import type { Session } from '../session';
import { putStatFs } from '../stat-words';

/** FATTR_* of linux/fuse.h, and struct fuse_setattr_in. */
const enum Change {
  Mode = 1,
  Uid = 2,
  Gid = 4,
  Size = 8,
  Atime = 16,
  Mtime = 32,
  Fh = 64,
  AtimeNow = 128,
  MtimeNow = 256,
}
const AT = {
  valid: 0,
  fh: 8,
  size: 16,
  atime: 32,
  mtime: 40,
  atimeNs: 56,
  mtimeNs: 60,
  mode: 68,
  uid: 76,
  gid: 80,
};

function timeSource(valid: number, given: Change, now: Change): TimeSource {
  if ((valid & now) !== 0) return TimeSource.Now;
  return (valid & given) !== 0 ? TimeSource.Given : TimeSource.Keep;
}

function readChange(x: Session): number {
  const { window, change } = x;
  const valid = window.u32(AT.valid);
  change.mode = (valid & Change.Mode) !== 0 ? window.u32(AT.mode) & 0o7777 : null;
  change.uid = (valid & Change.Uid) !== 0 ? window.u32(AT.uid) : null;
  change.gid = (valid & Change.Gid) !== 0 ? window.u32(AT.gid) : null;
  change.size = (valid & Change.Size) !== 0 ? window.u64(AT.size) : null;
  change.atime = timeSource(valid, Change.Atime, Change.AtimeNow);
  change.atimeSec = window.i64(AT.atime);
  change.atimeNs = window.u32(AT.atimeNs);
  change.mtime = timeSource(valid, Change.Mtime, Change.MtimeNow);
  change.mtimeSec = window.i64(AT.mtime);
  change.mtimeNs = window.u32(AT.mtimeNs);
  return valid;
}

function changeAttributes(x: Session, path: ByteString): Count {
  const valid = readChange(x);
  if ((x.change.size ?? 0) > Number.MAX_SAFE_INTEGER) return -EFBIG;
  const file = (valid & Change.Fh) !== 0 ? x.files.get(x.window.u64(AT.fh)) : undefined;
  const entry = file?.entry ?? x.paths.walk(x.call, path);
  if (entry === null) return -x.paths.errno;
  const errno = x.fs.setattr(x.call, entry.node, file?.fh ?? NO_FH, x.change, x.attr);
  return errno === OK ? x.show(entry, x.attr) : -errno;
}

function readAttributes(x: Session, entry: PathEntry, fh: Fh): Count {
  const errno = x.fs.getattr(x.call, entry.node, fh, x.attr);
  return errno === OK ? x.show(entry, x.attr) : -errno;
}

function getattr(x: Session, path: ByteString): Count {
  if (x.window.opcode === Opcode.Setattr) return changeAttributes(x, path);
  const entry = x.paths.walk(x.call, path);
  if (entry === null) return -x.paths.errno;
  return x.paths.answered ? x.show(entry, x.paths.answer.attr) : readAttributes(x, entry, NO_FH);
}

/** Counts up in milliseconds, so that no two answers are alike. */
let neverTheSame = 0;

/**
 * libfuse's auto_cache asks this at each open, and keeps the kernel's cached pages where size and mtime are what
 * it saw last. A file with several names has a page cache for each: those are never to be kept.
 */
function fgetattr(x: Session, path: ByteString, id: number): Count {
  if (x.window.opcode === Opcode.Setattr) return changeAttributes(x, path);
  const file = x.files.get(id);
  if (file === undefined) return -ENOENT;
  const result = readAttributes(x, file.entry, file.fh);
  if (result === OK && x.window.opcode === Opcode.Open && file.entry.manyLinks) {
    x.stat[14] = ++neverTheSame;
    x.stat[15] = 0;
  }
  return result;
}

function partOfChange(name: string): Operation {
  return { name, opcodes: [Opcode.Setattr], run: () => OK, reply: plain };
}

export const ATTRIBUTES: readonly Operation[] = [
  {
    name: 'getattr',
    opcodes: [
      Opcode.Lookup,
      Opcode.Getattr,
      Opcode.Setattr,
      Opcode.Symlink,
      Opcode.Mknod,
      Opcode.Mkdir,
      Opcode.Unlink,
      Opcode.Rename,
      Opcode.Link,
      Opcode.Create,
    ],
    run: (x, [path]) => getattr(x, path as ByteString),
    reply: withStat,
  },
  {
    name: 'fgetattr',
    opcodes: [Opcode.Getattr, Opcode.Setattr, Opcode.Open, Opcode.Create, Opcode.Mknod],
    run: (x, [path, id]) => fgetattr(x, path as ByteString, id as number),
    reply: withStat,
  },
  partOfChange('chmod'),
  partOfChange('chown'),
  partOfChange('truncate'),
  partOfChange('ftruncate'),
  partOfChange('utimens'),
  {
    name: 'statfs',
    opcodes: [Opcode.Statfs],
    run: (x) => {
      const errno = x.fs.statfs(x.call, x.statfs);
      if (errno !== OK) return -errno;
      putStatFs(x.statfsWords, x.statfs);
      return OK;
    },
    reply: (x, signal, thread, result) => signal(thread, result, x.statfsWords),
  },
];
