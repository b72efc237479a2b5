/**
 * Whiteouts: what says that a name of the layers below is gone. Stateless.
 *
 * - overlayfs: a character device 0:0 with the name; or, in a directory marked opaque = "x", an empty regular
 *   file with a `whiteout` xattr.
 * - OCI and AUFS layers (OCI image spec, layer.md, "Whiteouts"): an entry `.wh.NAME`, and `.wh..wh..opq` for a
 *   whole directory. Read in lower layers only.
 */
import type { Name } from '../base/bytes';
import type { Errno } from '../base/errno';
import { mknodat } from '../sys/names';
import type { Stat } from '../sys/stat';

const S_IFMT = 0o170000;
const S_IFCHR = 0o020000;

const OCI_PREFIX = '.wh.';
export const OCI_OPAQUE = '.wh..wh..opq' as Name;

/** Is this the character device 0:0? */
export function isWhiteout(stat: Stat): boolean {
  return (stat.mode & S_IFMT) === S_IFCHR && stat.rdevMajor === 0 && stat.rdevMinor === 0;
}

/** Makes a whiteout device; needs no privilege since Linux 5.8. */
export function makeWhiteout(dir: number, name: Name): Errno {
  return mknodat(dir, name, S_IFCHR, 0, 0);
}

export function isOciOpaque(name: Name): boolean {
  return name === OCI_OPAQUE;
}

/** The name that an OCI whiteout hides, or null where the entry is none. */
export function hiddenByOci(name: Name): Name | null {
  return name.startsWith(OCI_PREFIX) ? (name.slice(OCI_PREFIX.length) as Name) : null;
}

/** The OCI whiteout of a name. */
export function ociWhiteoutOf(name: Name): Name {
  return (OCI_PREFIX + name) as Name;
}
