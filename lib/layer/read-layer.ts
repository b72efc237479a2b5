/** Reads one directory of one layer, telling entries from whiteouts. */
import type { Name } from '../base/bytes';
import { EACCES, ENOENT, type Errno, OK } from '../base/errno';
import { readDirectory } from '../sys/dir';
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
 * Visits a directory's entries. Fails where it cannot be told of one whether it is a whiteout; what was visited until
 * then is then of no use. (Where nobody may look names up, none of them can be: they are entries.)
 * @param fd the directory
 * @param oci read `.wh.` names as whiteouts (lower layers)
 * @param xattrWhiteouts regular files in it may be whiteouts
 */
export function readLayer(
  fd: number,
  xattrs: PrivateXattrs,
  oci: boolean,
  visitor: LayerVisitor,
  xattrWhiteouts: boolean,
): Errno {
  let failed = OK;
  const errno = readDirectory(fd, (name, ino, given) => {
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
        if (unseen !== ENOENT) failed = unseen;
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
      if (whiteout < 0) failed = -whiteout;
      if (whiteout === 1) {
        visitor.whiteout(name);
        return;
      }
    }
    visitor.entry(name, ino, dirType);
  });
  return errno || failed;
}
