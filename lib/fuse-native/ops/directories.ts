/** Directories: libfuse takes a whole listing at once and serves it while the directory is open. */
import type { ByteString, Name } from '../../base/bytes';
import { type Count, type Errno, OK } from '../../base/errno';
import { type Ino, NO_FH } from '../../base/ids';
import type { DirSink } from '../../vfs/filesystem';
import { Opcode } from '../opcodes';
import { type Operation, plain } from '../operation';
import type { Session } from '../session';
import type { SmallInodes } from '../small-inode';
import { STAT_WORDS, WORD_INO, WORD_MODE } from '../stat-words';

/** Takes every entry. */
class Listing implements DirSink {
  readonly names: Name[] = [];
  readonly stats: Uint32Array[] = [];
  /** Where the next read continues, and whether this one brought anything. */
  next = 0;
  grew = false;

  constructor(private readonly inodes: SmallInodes) {}

  add(name: Name, ino: Ino, dirType: number, next: number): boolean {
    const words = new Uint32Array(STAT_WORDS);
    words[WORD_MODE] = dirType << 12;
    words[WORD_INO] = this.inodes.of(ino);
    this.names.push(name);
    this.stats.push(words);
    this.next = next;
    this.grew = true;
    return true;
  }
}

function fill(x: Session, path: ByteString, listing: Listing): Errno {
  const entry = x.paths.walk(x.call, path);
  if (entry === null) return x.paths.errno;
  let errno = x.fs.opendir(x.call, entry.node, x.opened);
  if (errno !== OK) return errno;
  const fh = x.opened.fh;
  do {
    listing.grew = false;
    errno = x.fs.readdir(x.call, entry.node, fh, listing.next, listing);
  } while (errno === OK && listing.grew);
  x.fs.releasedir(entry.node, fh);
  return errno;
}

function readdir(x: Session, path: ByteString): Count {
  const listing = new Listing(x.inodes);
  const errno = fill(x, path, listing);
  x.names = errno === OK ? listing.names : [];
  x.stats = errno === OK ? listing.stats : [];
  return -errno;
}

function fsyncdir(x: Session, path: ByteString, dataOnly: boolean): Count {
  const entry = x.paths.walk(x.call, path);
  if (entry === null) return -x.paths.errno;
  return -x.fs.fsyncdir(x.call, entry.node, NO_FH, dataOnly);
}

export const DIRECTORIES: readonly Operation[] = [
  {
    name: 'readdir',
    opcodes: [Opcode.Readdir],
    run: (x, [path]) => readdir(x, path as ByteString),
    reply: (x, signal, thread, result) => signal(thread, result, x.names, x.stats),
  },
  {
    name: 'fsyncdir',
    opcodes: [Opcode.Fsyncdir],
    run: (x, [path, dataOnly]) => fsyncdir(x, path as ByteString, dataOnly !== 0),
    reply: plain,
  },
];
