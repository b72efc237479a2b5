/** What makes, removes and moves names: mkdirat(2), mknodat(2), symlinkat(2), linkat(2), unlinkat(2), renameat2(2). */
import { type ByteString, bytesOf, type Name } from '../base/bytes';
import type { Count, Errno } from '../base/errno';
import { countOf, cstr, cstr2, errnoOf, native } from './libc';
import { AT_FDCWD } from './open';

const cMkdirat = native('int mkdirat(int, const void *, uint)');
const cMknodat = native('int mknodat(int, const void *, uint, uint64_t)');
const cSymlinkat = native('int symlinkat(const void *, int, const void *)');
const cLinkat = native('int linkat(int, const void *, int, const void *, int)');
const cUnlinkat = native('int unlinkat(int, const void *, int)');
const cRenameat2 = native('int renameat2(int, const void *, int, const void *, uint)');
const cReadlinkat = native('int64_t readlinkat(int, const void *, void *, size_t)');

const AT_REMOVEDIR = 0x200;
const AT_SYMLINK_FOLLOW = 0x400;

export function mkdirat(dir: number, name: Name, mode: number): Errno {
  return errnoOf(cMkdirat(dir, cstr(name), mode));
}

/** glibc's dev_t from major and minor. */
export function makeDev(major: number, minor: number): bigint {
  const high = BigInt(major);
  const low = BigInt(minor);
  return (
    ((high & 0xfffff000n) << 32n) | ((high & 0xfffn) << 8n) | ((low & 0xffffff00n) << 12n) | (low & 0xffn)
  );
}

export function mknodat(dir: number, name: Name, mode: number, major: number, minor: number): Errno {
  return errnoOf(cMknodat(dir, cstr(name), mode, makeDev(major, minor)));
}

export function symlinkat(target: ByteString, dir: number, name: Name): Errno {
  return errnoOf(cSymlinkat(cstr(target), dir, cstr2(name)));
}

/** linkat(2) of a name, a symlink itself and not what it points to. */
export function linkat(fromDir: number, fromName: Name, toDir: number, toName: Name): Errno {
  return errnoOf(cLinkat(fromDir, cstr(fromName), toDir, cstr2(toName), 0));
}

/** Gives an open file (O_TMPFILE, say) a name, by way of /proc/self/fd. */
export function linkFd(fd: number, toDir: number, toName: Name): Errno {
  return errnoOf(cLinkat(AT_FDCWD, cstr(`/proc/self/fd/${fd}`), toDir, cstr2(toName), AT_SYMLINK_FOLLOW));
}

export function unlinkat(dir: number, name: Name): Errno {
  return errnoOf(cUnlinkat(dir, cstr(name), 0));
}

export function rmdirat(dir: number, name: Name): Errno {
  return errnoOf(cUnlinkat(dir, cstr(name), AT_REMOVEDIR));
}

/** `flags`: RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT. */
export function renameat2(fromDir: number, from: Name, toDir: number, to: Name, flags: number): Errno {
  return errnoOf(cRenameat2(fromDir, cstr(from), toDir, cstr2(to), flags));
}

/** readlinkat(2) into a buffer; a longer target is cut. */
export function readlinkInto(dir: number, name: Name, into: Buffer): Count {
  return countOf(cReadlinkat(dir, cstr(name), into, into.length));
}

const target = Buffer.alloc(4096);

/** readlinkat(2) as a byte string, or an errno. */
export function readlinkat(dir: number, name: Name): ByteString | Errno {
  const length = readlinkInto(dir, name, target);
  return length < 0 ? -length : bytesOf(target, 0, length);
}
