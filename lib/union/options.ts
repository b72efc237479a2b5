/** What a union is opened with. All paths are absolute. */
import type { ByteString } from '../base/bytes';

export interface UnionOptions {
  /** Read-only layers, newest first. */
  readonly lowers: readonly ByteString[];
  /** The writable layer, or null for a read-only mount; comes with `work`. */
  readonly upper: ByteString | null;
  /** A directory on the upper's file system, empty or a union's before. */
  readonly work: ByteString | null;
  /** Descriptors of the two, where they have been opened and checked: they, and not their paths, are then meant. */
  readonly opened?: { readonly upper: number; readonly work: number } | undefined;
  /** Access times of the upper layer stay. */
  readonly noatime?: boolean;
  /** Where private xattrs live: `trusted.overlay.` or (rootless, option userxattr) `user.overlay.`. */
  readonly xattrs: 'trusted' | 'user';
  /** When a copied-up file is fsynced before it is published: `auto` is as the kernel's overlayfs does. */
  readonly fsync: 'auto' | 'never' | 'always';
  /** Never sync anything to the upper, not even for fsync(2). */
  readonly volatile: boolean;
  /** Put the file system's number into high inode bits even where all layers share one file system. */
  readonly xino: boolean;
  /** Do what is done in slices in very small ones, so that little work makes many (tests). */
  readonly tinySlices?: boolean;
  /** Check the invariants of the node table after every request (tests). */
  readonly checkInvariants: boolean;
}
