/** The merged listing of a directory's read-only part: what the index keeps and the union looks names up in. */
import type { Name } from '../base/bytes';

/** A visible name. Whiteouts and what they or an opaque directory hide are not in a listing. */
export interface ListedName {
  /**
   * The layers (ordinals in the stack, newest first) whose entries make this name: exactly one unless it is a
   * directory, which may be merged of several.
   */
  readonly layers: readonly number[];
  /** DT_* of readdir(3). */
  readonly dirType: number;
  /** Real inode number in `layers[0]`. */
  readonly ino: number;
}

export type Listing = Map<Name, ListedName>;

/** What tells whether a real directory is still the one that was listed (statx(2) of it). */
export interface Fingerprint {
  readonly layer: number;
  readonly devMajor: number;
  readonly devMinor: number;
  readonly ino: number;
  readonly ctimeSec: number;
  readonly ctimeNs: number;
}
