/**
 * The union's files, as three kinds of object:
 *
 * - `File` and `Dir` (an `Inode`): one file of the merged view, whichever layer it lies in at the moment.
 * - `Node`: a number that the kernel knows an inode by, with its lookup count. An inode has at most one current
 *   node; retired ones (see open-files.ts) live on until the kernel forgets them.
 *
 * Where the real file is:
 *
 *   Dir    upper (if any) first, then lowers, newest first: what is merged
 *   File   upper:  (parent.upper, name);  or `held`, once it has no name that we know
 *          lower:  (lowerDir, lowerName), for ever
 *
 * Invariants (checked by check.ts): a known inode with a name is in its parent's `children` under that name; a
 * directory with known children is known itself or kept alive by them; nothing else is in `children`.
 */
import type { Name } from '../base/bytes';
import type { Ino, JobId, NodeId } from '../base/ids';
import type { Fingerprint, Listing } from '../index/listing';
import type { RealDir } from '../layer/real-dir';
import type { Stat } from '../sys/stat';
import type { DirView } from './dir-view';
import type { OpenFile } from './open-files';
import type { Work } from './slices';
import type { WorkFile } from './workdir';

export class Node {
  /** Changed by NodeTable only. */
  lookups = 0;
  /** Handles that the kernel has open on this node; changed by OpenFiles only. */
  handles = 0;
  /** What the kernel reads and writes by itself for those handles, in passthrough; changed by OpenFiles only. */
  bound: OpenFile | null = null;
  /** It has been open with `bound` null; changed by OpenFiles only. */
  warm = false;

  constructor(
    readonly id: NodeId,
    readonly inode: Inode,
  ) {}
}

export type Inode = File | Dir;

abstract class AnyInode {
  /** The node that a lookup gives; null while unknown or just retired. Changed by NodeTable only. */
  node: Node | null = null;
  /** Nodes that the kernel has not forgotten, the current one included. Changed by NodeTable only. */
  nodes = 0;
  /** The real file has no xattrs but overlayfs's own; null: not looked at. Set back by whatever may change that. */
  bare: boolean | null = null;
  /** The real file's GUARD_* bits (see protection.ts), from the latest statx of it: `resolve` and `statOf` only. */
  guard = 0;

  /**
   * @param ino as programs see it
   * @param parent null once the inode has no name that we know (and for the root)
   */
  constructor(
    public ino: Ino,
    public parent: Dir | null,
    public name: Name,
  ) {}
}

/** Everything that is no directory. */
export class File extends AnyInode {
  readonly isDir = false;
  /** The real file lies in the upper layer. Changed by copy-up only. */
  upper: boolean;
  /** Real inode number in the upper layer, the key among hard links; 0 while lower. */
  upperIno = 0;
  /** Bytes of the lower file; 0 where there is none. */
  lowerSize = 0;
  /** The real file, open; changed by OpenFiles only. */
  open: OpenFile | null = null;
  /** When it last lost one of several names, in ms; 0: the kernel may take over its link count. See link-counts.ts. */
  linkLostAt = 0;
  /** O_PATH descriptor of the upper file that has no known name, or -1. */
  held = -1;
  /** Who pays for `held`. */
  payer = 0;
  /** A copy-up in progress. */
  copying: PendingCopy | null = null;

  /** @param type the S_IFMT bits */
  constructor(
    readonly type: number,
    ino: Ino,
    parent: Dir | null,
    name: Name,
    readonly lowerDir: RealDir | null,
  ) {
    super(ino, parent, name);
    this.upper = lowerDir === null;
    this.lowerName = name;
  }

  readonly lowerName: Name;
}

export class Dir extends AnyInode {
  readonly isDir = true;
  /** Known children by name; changed by NodeTable and by the operations that move names. */
  readonly children = new Map<Name, Inode>();
  /** The merged listing of `lowers`, once needed; changed by LowerListings only. */
  listing: Listing | null = null;
  /** What tells the index whether its records of `lowers` still hold, once needed; as `listing`. */
  fingerprints: readonly Fingerprint[] | null = null;
  /** Names looked up in the layers one by one while there was no listing; see LowerListings. */
  probes = 0;
  /** How many parts the index keeps the listing in, where it is too long for one record; as `listing`. */
  keptParts = 0;
  /** The directory as programs list it, once complete; kept up to date by every operation from its beginning on. */
  view: DirView | null = null;
  /** What makes, or last made, the view or the listing; changed by view-build.ts and LowerListings. */
  work: Work | null = null;
  /** The view in the making; changed by view-build.ts only. */
  build: { seesName(): boolean } | null = null;
  /** Removed; descriptors are pinned until it is forgotten. */
  dead = false;

  constructor(
    ino: Ino,
    parent: Dir | null,
    name: Name,
    public upper: RealDir | null,
    /** Changed by LowerListings.settle only, which cuts it below the first opaque one. */
    public lowers: readonly RealDir[],
  ) {
    super(ino, parent, name);
    this.settled = lowers.length === 0;
  }

  /** `lowers` ends at the first opaque one, and none has a redirect. Changed by LowerListings.settle only. */
  settled: boolean;

  /** Is it made of several real ones? Preconditions: settled, or the root. */
  get isMerged(): boolean {
    return this.lowers.length > (this.upper === null ? 1 : 0);
  }

  /** The real directory that attributes are taken from. */
  get top(): RealDir {
    return this.upper ?? this.lowers[0]!;
  }
}

/** A regular file whose upper copy is being made. */
export interface PendingCopy {
  /** The copy, in the work directory; open for reading and writing. */
  readonly made: WorkFile;
  /** The user who pays for its descriptor. */
  readonly payer: number;
  /** The lower file's attributes. */
  readonly lower: Stat;
  /** Bytes of the lower file that were asked for. */
  readonly size: number;
  stage: 'data' | 'sync' | 'ready';
  /** The job that the stage waits for, or 0. */
  job: JobId;
  /** The last job that was started for it, or 0. */
  lastJob: JobId;
  /** Set when a job failed, for the requests that have waited for it. */
  errno: number;
}
