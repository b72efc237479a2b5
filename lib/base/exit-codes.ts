/** The exit codes of the stratafs command. They are documented in README.md and never change their meaning. */
export const EXIT = {
  OK: 0,
  /** Something unexpected: a bug or an I/O error; `--debug` shows the stack. */
  FAILURE: 1,
  /** The command line is wrong: unknown option, missing argument, contradiction. */
  USAGE: 2,
  /** A layer, the upper or the work directory is missing, no directory, or unfit. */
  BAD_LAYER: 3,
  /** The mountpoint is missing, no directory, or already a stratafs mount. */
  BAD_MOUNTPOINT: 4,
  /** The upper or work directory is in use by a live mount. */
  IN_USE: 5,
  /** Not permitted, or /dev/fuse is missing: the hint says what to do. */
  NO_PRIVILEGE: 6,
  /** The mount is busy (umount). */
  BUSY: 7,
  /** There is no such mount (umount). */
  NOT_MOUNTED: 8,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
