/** Reads one directory of one layer, telling entries from whiteouts. */
import type { Name } from '../base/bytes';
import { EACCES, ENOENT, type Errno, OK } from '../base/errno';
import { type EntryVisitor, openToRead, PIECE_BYTES, readPiece } from '../sys/dir';
import { close } from '../sys/open';
import { newStat, statAt } from '../sys/stat';
import type { PrivateXattrs } from './private-xattr';
import { hiddenByOci, isOciOpaque, isWhiteout } from './whiteout';

const DT_UNKNOWN = 0;
const DT_CHR = 2;
const DT_REG = 8;
const S_IFMT = 0o170000;

export interface LayerVisitor {
  entry(name: Name, ino: number, dirType: number): void;
  /** The name is gone in all layers below. */
  whiteout(name: Name): void;
  /** Everything in the layers below is gone. */
  opaque(): void;
}

const stat = newStat();

/**
 * Visits a directory's entries, yielding after every piece of it. It works on a descriptor of its own, so that
 * `dir` need not stay open after the first step. Fails where it cannot be told of one whether it is a whiteout; what was
 * visited until then is then of no use. (Where nobody may look names up, none of them can be: they are entries.)
 * @param dir the directory; O_PATH is enough
 * @param oci read `.wh.` names as whiteouts (lower layers)
 * @param xattrWhiteouts regular files in it may be whiteouts
 */
export function* readLayer(
  dir: number,
  xattrs: PrivateXattrs,
  oci: boolean,
  visitor: LayerVisitor,
  xattrWhiteouts: boolean,
  pieceBytes = PIECE_BYTES,
): Generator<void, Errno> {
  const fd = openToRead(dir);
  if (fd < 0) return -fd;
  const reading: Reading = { fd, xattrs, oci, visitor, xattrWhiteouts, failed: OK };
  const visit: EntryVisitor = (name, ino, dirType) => visitEntry(reading, name, ino, dirType);
  try {
    for (;;) {
      const length = readPiece(fd, visit, pieceBytes);
      if (reading.failed !== OK) return reading.failed;
      if (length <= 0) return -length;
      yield;
    }
  } finally {
    close(fd);
  }
}

interface Reading {
  readonly fd: number;
  readonly xattrs: PrivateXattrs;
  readonly oci: boolean;
  readonly visitor: LayerVisitor;
  readonly xattrWhiteouts: boolean;
  failed: Errno;
}

function visitEntry(reading: Reading, name: Name, ino: number, given: number): void {
  const { fd, xattrs, oci, visitor, xattrWhiteouts } = reading;
  let dirType = given;
  if (given === DT_CHR || given === DT_UNKNOWN) {
    const unseen = statAt(fd, name, stat);
    if (unseen === OK) {
      if (isWhiteout(stat)) {
        visitor.whiteout(name);
        return;
      }
      dirType = (stat.mode & S_IFMT) >> 12;
    } else if (unseen !== EACCES) {
      if (unseen !== ENOENT) reading.failed = unseen;
      return;
    }
  }
  if (oci) {
    if (isOciOpaque(name)) {
      visitor.opaque();
      return;
    }
    const hidden = hiddenByOci(name);
    if (hidden !== null) {
      visitor.whiteout(hidden);
      return;
    }
  }
  if (dirType === DT_REG && xattrWhiteouts) {
    const whiteout = xattrs.isXattrWhiteout(fd, name);
    if (whiteout < 0) reading.failed = -whiteout;
    if (whiteout === 1) {
      visitor.whiteout(name);
      return;
    }
  }
  visitor.entry(name, ino, dirType);
}
