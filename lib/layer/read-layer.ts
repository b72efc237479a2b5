/** Reads one directory of one layer, telling entries from whiteouts. */
import type { Name } from '../base/bytes';
import type { Errno } from '../base/errno';
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
 * Visits a directory's entries.
 * @param fd the directory
 * @param oci read `.wh.` names as whiteouts (lower layers)
 * @param xattrWhiteouts whether regular files may be whiteouts; null: to be found out
 */
export function readLayer(
  fd: number,
  xattrs: PrivateXattrs,
  oci: boolean,
  visitor: LayerVisitor,
  xattrWhiteouts: boolean | null = null,
): Errno {
  return readDirectory(fd, (name, ino, given) => {
    let dirType = given;
    if (given === DT_CHR || given === DT_UNKNOWN) {
      if (statAt(fd, name, stat) !== 0) return;
      if (isWhiteout(stat)) {
        visitor.whiteout(name);
        return;
      }
      dirType = (stat.mode & S_IFMT) >> 12;
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
    if (dirType === DT_REG) {
      xattrWhiteouts ??= xattrs.hasXattrWhiteouts(fd);
      if (xattrWhiteouts && xattrs.isXattrWhiteout(fd, name)) {
        visitor.whiteout(name);
        return;
      }
    }
    visitor.entry(name, ino, dirType);
  });
}
