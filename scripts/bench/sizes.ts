/** How much work one round does: the sizes of the published table, and those of `--quick`. */
export interface Sizes {
  /** Small files, in `dirs` directories, over `layers` lower layers. */
  readonly files: number;
  readonly dirs: number;
  readonly layers: number;
  /** The one big file. */
  readonly bigBytes: number;
  readonly randomBlocks: number;
  readonly appends: number;
  readonly fsyncs: number;
  readonly created: number;
  readonly untarred: number;
  readonly copiedUp: number;
  /** C files of the make project. */
  readonly objects: number;
  readonly commits: number;
  readonly imports: number;
  /** Files looked up before the daemon's memory is read. */
  readonly lookedUp: number;
  /** Names of the one huge directory, and of one that is emptied and removed. */
  readonly hugeNames: number;
  readonly whiteouts: number;
  readonly idleMs: number;
  /** Lower layers of the deep stacks. */
  readonly depths: readonly number[];
}

const MiB = 1024 * 1024;

export const FULL: Sizes = {
  files: 20_000,
  dirs: 200,
  layers: 3,
  bigBytes: 1024 * MiB,
  randomBlocks: 20_000,
  appends: 20_000,
  fsyncs: 1_000,
  created: 5_000,
  untarred: 9_000,
  copiedUp: 2_000,
  objects: 150,
  commits: 1_000,
  imports: 50,
  lookedUp: 100_000,
  hugeNames: 300_000,
  whiteouts: 50_000,
  idleMs: 5_000,
  depths: [1, 4, 16, 64, 200],
};

export const QUICK: Sizes = {
  files: 2_000,
  dirs: 20,
  layers: 3,
  bigBytes: 64 * MiB,
  randomBlocks: 2_000,
  appends: 2_000,
  fsyncs: 100,
  created: 500,
  untarred: 900,
  copiedUp: 200,
  objects: 20,
  commits: 100,
  imports: 5,
  lookedUp: 5_000,
  hugeNames: 30_000,
  whiteouts: 5_000,
  idleMs: 1_000,
  depths: [1, 16, 200],
};
