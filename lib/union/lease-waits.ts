/**
 * Files that cannot be opened now because somebody holds a lease on them (fcntl(2), F_SETLEASE). Our attempt, which
 * does not block, has asked the holder to give it up; the kernel takes it away after its lease-break-time. Until then
 * the requests that need the file are parked, and it is tried again every few ms: that costs no thread, however many
 * files there are, and the more there are the longer each waits for its turn.
 */
import { EAGAIN, type Errno, PARKED } from '../base/errno';
import type { JobId } from '../base/ids';
import type { JobResult } from '../vfs/jobs';
import type { Call } from '../vfs/types';
import type { File } from './inode';

/** Between two attempts at one file, and what every file that waits adds to that. */
const PERIOD_MS = 5;
const MS_PER_FILE = 0.1;
/** Attempts in one turn. */
const AT_ONCE = 32;

interface Wait {
  readonly id: JobId;
  /** When the next attempt is due. */
  due: number;
}

export class LeaseWaits {
  /** In the order in which they are due. */
  private readonly waits = new Map<File, Wait>();

  /**
   * @param newId gives ids that no job has
   * @param open 0, or why the file cannot be opened
   */
  constructor(
    private readonly newId: () => JobId,
    private readonly open: (file: File) => Errno,
  ) {}

  /** Lets a request wait until the file can be opened, or not at all. */
  park(call: Call, file: File): Errno {
    let wait = this.waits.get(file);
    if (wait === undefined) {
      wait = { id: this.newId(), due: 0 };
      this.await(file, wait);
    }
    call.job = wait.id;
    return PARKED;
  }

  /** In how many ms a file is due: 0 for now, -1 for none. */
  get dueIn(): number {
    for (const { due } of this.waits.values()) return Math.max(Math.ceil(due - performance.now()), 0);
    return -1;
  }

  /** Tries what is due. Returns the first wait that has ended. */
  advance(): JobResult | null {
    const now = performance.now();
    let left = AT_ONCE;
    for (const [file, wait] of this.waits) {
      if (wait.due > now || left-- === 0) return null;
      this.waits.delete(file);
      // What became of a file that was forgotten meanwhile is for the request to say.
      if (file.nodes === 0 || this.open(file) !== EAGAIN) return { id: wait.id, result: 0 };
      this.await(file, wait);
    }
    return null;
  }

  private await(file: File, wait: Wait): void {
    wait.due = performance.now() + PERIOD_MS + this.waits.size * MS_PER_FILE;
    this.waits.set(file, wait);
  }
}
