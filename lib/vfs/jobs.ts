/**
 * Jobs: what is too long for one request. Most are done by another thread; what needs the file system's own tables is
 * done by itself, in slices between requests (`FileSystem.work`). To the transport the two are the same: the ids of the
 * first are above zero, those of the second below.
 *
 * An operation that needs a job starts it, stores its id in `call.job` and returns PARKED. When the job is done
 * the serving thread first tells the file system (`FileSystem.jobDone`), then runs every request that is parked
 * on it again from the start, with `call.jobResult` set. So an operation may only park before its first effect.
 * What runs after the last effect may be a job that nobody waits for.
 */
import type { Name } from '../base/bytes';
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
  /** Remove what `name` is in the directory `dir`, with all below it; what cannot be removed stays. Result: 0. */
  | { readonly kind: 'remove-tree'; readonly dir: number; readonly name: Name }
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
