/**
 * Work that is too long for one request and needs this thread's tables: it is done in slices, between requests.
 *
 * Work is a generator that yields wherever others may have a turn, every half millisecond at the latest. Its first
 * slice is made at once, by the request that needs it (but see below): most work ends there, and costs nothing more. What is left
 * then is queued, the request parks on it (lib/vfs/jobs.ts), and `advance` is called between requests.
 *
 * - First slices come out of a credit that each user has and that time refills: many requests at once, each for another
 *   directory, do not add up to a long stop.
 * - Users take turns, so nobody waits for another's queue. Of one user's work two are in hand, each slice going to
 *   the other one; the rest waits in order and holds nothing, neither memory nor descriptors.
 * - Who waits for work that another user began has it in the own queue too, with the own turns.
 * - Work that nobody waits for any more goes on, unless it is cancelled. Cancelled work ends with ESTALE for those
 *   who wait for it all the same.
 * - Everything may change between two slices. What the work builds is its own until its last step.
 */
import { EIO, type Errno, ESTALE, PARKED } from '../base/errno';
import type { JobId } from '../base/ids';
import type { Logger } from '../base/log';
import type { JobResult } from '../vfs/jobs';
import type { Call } from '../vfs/types';

/** Ends with what the work came to. */
export type Steps = Generator<void, Errno>;

/** How long a request may work for itself before it parks. */
const FIRST_SLICE_MS = 4;
const SLICE_MS = 0.5;
/** What all first slices of a user may take in a row, in first slices, and what each ms between them gives back. */
const CREDIT = 4;
const REFILL = 2;
/** A user's works that have begun. */
const IN_HAND = 2;
/** No user's number: whose work nobody waits for. */
const NOBODY = -1;

/** How fine the slices are. Tests make them very fine. */
export interface SliceSizes {
  readonly firstMs: number;
  readonly sliceMs: number;
  /** What one step may read of a directory. */
  readonly pieceBytes?: number;
  /** Names that one step may handle in memory. */
  readonly pieceNames: number;
}

export const USUAL_SLICES: SliceSizes = { firstMs: FIRST_SLICE_MS, sliceMs: SLICE_MS, pieceNames: 1024 };
/** Every step by itself, and a few names in each: for tests. The largest entry of getdents64(2) must fit. */
export const TINY_SLICES: SliceSizes = { firstMs: 0, sliceMs: 0, pieceBytes: 512, pieceNames: 8 };

export class Work {
  /** What it came to; null while it goes on. Changed by Slices only. */
  errno: Errno | null = null;
  /** Those who wait know that it has ended. Changed by Slices only. */
  told = false;
  private steps: Steps | null = null;

  constructor(
    readonly id: JobId,
    /** Null once it has ended: what it was made from may be large, and its directory keeps the work. */
    private make: (() => Steps) | null,
  ) {}

  /** Works for about so many ms, one step at the least. Preconditions: it has not ended. */
  advance(ms: number): void {
    const steps = (this.steps ??= this.make!());
    const until = performance.now() + ms;
    do {
      const step = steps.next();
      if (step.done === true) this.errno = step.value;
    } while (this.errno === null && performance.now() < until);
    if (this.errno !== null) this.steps = this.make = null;
  }

  /** Gives up what is done so far: the next slice begins anew. */
  drop(): void {
    this.steps?.return(ESTALE);
    this.steps = null;
  }
}

export class Slices {
  /** Those with a queue, whose turn is next first. */
  private readonly queues = new Map<number, Work[]>();
  private lastId = 0;
  /**
   * By user, when the credit is full again, in ms: the later, the less is left. In the order of use; users whose credit
   * is full are dropped from the front, so that it does not grow with the users there ever were.
   */
  private readonly fullAt = new Map<number, number>();

  constructor(
    readonly sizes: SliceSizes,
    private readonly log: Logger,
  ) {}

  /**
   * Begins work for a request; null: for a request that will not wait for it. Where the work has an `errno` afterwards
   * it is done; else it is queued.
   */
  begin(call: Call | null, make: () => Steps): Work {
    const work = new Work(this.newId(), make);
    const user = call === null ? NOBODY : call.uid;
    this.firstSlice(user, work);
    if (work.errno === null) {
      if ((this.queues.get(user)?.length ?? 0) >= IN_HAND) work.drop();
      this.enqueue(user, work);
    }
    return work;
  }

  /** Works for the request itself, unless the user's requests have done so for too long. */
  private firstSlice(user: number, work: Work): void {
    const { firstMs } = this.sizes;
    const before = performance.now();
    const fullAt = Math.max(this.fullAt.get(user) ?? 0, before);
    if ((fullAt - before) * REFILL > firstMs * (CREDIT - 1)) return;
    work.advance(firstMs);
    const took = performance.now() - before;
    this.fullAt.delete(user);
    this.fullAt.set(user, fullAt + took + took / REFILL);
    for (const [other, at] of this.fullAt) {
      if (at > before) break;
      this.fullAt.delete(other);
    }
  }

  /** An id that no job has. */
  newId(): JobId {
    return --this.lastId as JobId;
  }

  /** Lets a request wait for work that is not done. */
  park(call: Call, work: Work): Errno {
    this.enqueue(call.uid, work);
    call.job = work.id;
    return PARKED;
  }

  cancel(work: Work): void {
    if (work.errno !== null) return;
    work.drop();
    work.errno = ESTALE;
  }

  get waiting(): boolean {
    return this.queues.size > 0;
  }

  /** Makes a slice. Returns the work that has ended, as the result of a job. */
  advance(): JobResult | null {
    for (const [uid, queue] of this.queues) {
      this.queues.delete(uid);
      const work = queue.shift()!;
      if (work.errno === null) this.slice(work);
      if (work.errno === null) queue.splice(IN_HAND - 1, 0, work);
      if (queue.length > 0) this.queues.set(uid, queue);
      if (work.errno === null || work.told) return null;
      work.told = true;
      return { id: work.id, result: -work.errno };
    }
    return null;
  }

  private slice(work: Work): void {
    try {
      work.advance(this.sizes.sliceMs);
    } catch (error) {
      this.log.error({ err: error }, 'work between requests failed');
      work.errno = EIO;
    }
  }

  private enqueue(uid: number, work: Work): void {
    const queue = this.queues.get(uid);
    if (queue === undefined) this.queues.set(uid, [work]);
    else if (!queue.includes(work)) queue.push(work);
  }
}
