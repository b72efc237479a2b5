/** Branded numbers: identities that cannot be mixed up. */

declare const brand: unique symbol;
type Branded<T, Name extends string> = T & { readonly [brand]: Name };

/** What the kernel calls a file by, from LOOKUP until FORGET. 1 is the root, 0 is "no such file". */
export type NodeId = Branded<number, 'NodeId'>;

/** st_ino as programs see it through the mount; below 2^53. */
export type Ino = Branded<number, 'Ino'>;

/** An open file or directory handle; 0 is "no handle". */
export type Fh = Branded<number, 'Fh'>;

/** A layer's place in its stack: 0 is the upper layer, 1 the newest lower one, and so on downward. */
export type LayerIndex = Branded<number, 'LayerIndex'>;

/** A job given to the helper thread. */
export type JobId = Branded<number, 'JobId'>;

export const ROOT_NODE = 1 as NodeId;
export const NO_NODE = 0 as NodeId;
export const NO_FH = 0 as Fh;
export const UPPER = 0 as LayerIndex;
