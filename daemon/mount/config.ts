/** What a mount process is asked to do: the command line, understood and made absolute. It travels as JSON. */
import type { ByteString } from '../../lib/base/bytes';

export interface MountConfig {
  /** Read-only layers, newest first. */
  readonly lowers: readonly ByteString[];
  readonly upper: ByteString | null;
  readonly work: ByteString | null;
  readonly mountpoint: ByteString;
  /** First field of /proc/mounts. */
  readonly source: ByteString;
  readonly readOnly: boolean;
  /** Null: as the privilege of the process suggests. */
  readonly allowOther: boolean | null;
  readonly noatime: boolean;
  readonly nosuid: boolean;
  readonly nodev: boolean;
  readonly noexec: boolean;
  /** As `mount --make-private` does, which container tools ask a mount program for. */
  readonly private: boolean;
  readonly volatile: boolean;
  readonly fsync: 'auto' | 'never' | 'always';
  /** Private xattrs under `user.overlay.` even where `trusted.overlay.` could be used. */
  readonly userxattr: boolean;
  readonly xino: boolean;
  readonly io: 'auto' | 'passthrough' | 'cached';
  readonly pollIdleCpus: boolean;
  /** `auto`: the kernel's protocol spoken directly, or fuse-native where the kernel is too old for that. */
  readonly transport: 'auto' | 'kernel' | 'fuse-native';
  /** The folder of the index; `auto`: in the work directory of a writable mount; `off`: in memory only. */
  readonly index: ByteString | 'auto' | 'off';
  readonly tinySlices: boolean;
  readonly checkInvariants: boolean;
  readonly traceFuse: boolean;
  /** Null: standard error in the foreground, else a file in the runtime directory. */
  readonly logFile: ByteString | null;
  readonly logLevel: string;
}

/** A stack and its index, mounted or not. */
export type StackConfig = Pick<MountConfig, 'lowers' | 'upper' | 'work' | 'index' | 'userxattr'>;
