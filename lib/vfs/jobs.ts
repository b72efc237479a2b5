/**
 * Jobs: what is too long for the serving thread and is done by another one.
 *
 * An operation that needs a job starts it, stores its id in `call.job` and returns PARKED. When the job is done
 * the serving thread first tells the file system (`FileSystem.jobDone`), then runs every request that is parked
 * on it again from the start, with `call.jobResult` set. So an operation may only park before its first effect.
 */
import type { JobId } from '../base/ids';

/** File descriptors in a job stay owned by who started it, and must stay open until it is done. */
export type Job =
  /** Copy `size` bytes of `from` to the empty file `to`: holes stay holes. Result: 0 or -errno. */
  | { readonly kind: 'copy-data'; readonly from: number; readonly to: number; readonly size: number }
  /** fsync(2) or fdatasync(2). Result: 0 or -errno. */
  | { readonly kind: 'fsync'; readonly fd: number; readonly dataOnly: boolean }
  /** syncfs(2). Result: 0 or -errno. */
  | { readonly kind: 'syncfs'; readonly fd: number }
  /** Which system call a thread waits in. Result: its number, or -errno where it cannot be told. */
  | { readonly kind: 'system-call'; readonly thread: number }
  /** copy_file_range(2). Result: bytes copied or -errno. */
  | {
      readonly kind: 'copy-range';
      readonly from: number;
      readonly fromOffset: number;
      readonly to: number;
      readonly toOffset: number;
      readonly length: number;
    };

export interface JobRunner {
  /** Starts the job on another thread and returns at once. */
  start(job: Job): JobId;
}

export interface JobResult {
  readonly id: JobId;
  /** What the job's kind says. */
  readonly result: number;
}
