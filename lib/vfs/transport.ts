/** The contract for how a file system is put on a mountpoint. */
import type { ByteString } from '../base/bytes';
import type { FileSystem } from './filesystem';
import type { JobResult } from './jobs';

/** How a file's data moves. */
export type IoMode = 'passthrough' | 'cached';

export interface MountOptions {
  /** Absolute path of an existing directory. */
  readonly mountpoint: ByteString;
  /** First field of /proc/mounts. */
  readonly source: ByteString;
  readonly readOnly: boolean;
  readonly allowOther: boolean;
  readonly defaultPermissions: boolean;
  readonly noatime: boolean;
  readonly nosuid: boolean;
  readonly nodev: boolean;
  readonly noexec: boolean;
  readonly io: IoMode | 'auto';
  /** While requests keep coming, keep idle CPUs from halting, where that is permitted: wakes are prompt then. */
  readonly pollIdleCpus: boolean;
  /** A stack depth of 1, or 2 when a layer lies on a stacked file system itself. */
  readonly stackDepth: 1 | 2;
}

/** The finished jobs, as the serving thread sees them. */
export interface JobResults {
  /** Readable when results are waiting; eventfd(2). */
  readonly fd: number;
  /** Takes all waiting results. */
  take(): JobResult[];
  /** True once the serving thread has been asked to stop. */
  readonly stopping: boolean;
}

/** One row says what a transport can carry; suites and the README's table are made from it. */
export interface Supports {
  readonly nanosecondTimes: boolean;
  readonly separateTimes: boolean;
  readonly callerIds: boolean;
  readonly renameFlags: boolean;
  readonly fallocate: boolean;
  readonly seekHole: boolean;
  readonly readdirplus: boolean;
  readonly anyByteNames: boolean;
  readonly passthrough: boolean;
  readonly bigInodes: boolean;
  readonly tmpfile: boolean;
  readonly ioctl: boolean;
  readonly btime: boolean;
  /** POSIX ACLs can be set, and the kernel enforces them. */
  readonly posixAcls: boolean;
  /** What is open or a working directory needs no name: its directory can be removed, and it can be looked at. */
  readonly namelessFiles: boolean;
}

export interface Transport {
  readonly supports: Supports;
  /** Mounts; throws a UserError where that is not possible. The mount answers once `serve` runs. */
  mount(options: MountOptions): void;
  /** Serves until the mount is gone or a stop is asked for. Settles when the last reply is written. */
  serve(fs: FileSystem, jobs: JobResults): void | Promise<void>;
}
