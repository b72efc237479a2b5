/**
 * Requests that wait for a job (lib/vfs/jobs.ts). Each is kept as a copy of its message and runs again, from the
 * start, when the job is done.
 *
 * FUSE_INTERRUPT tells of any signal, once for a request. As in overlayfs only a fatal one ends the wait: the
 * request is answered EINTR and never runs again; its job goes on. (Whoever is killed stays until it is answered:
 * fs/fuse/dev.c:request_wait_answer.) After any other signal the caller is looked after for being killed later.
 */
import type { JobId } from '../base/ids';
import { isKilled } from '../sys/process';
import type { Request } from './request';

/** Callers that one `releaseKilled` looks at: each costs the reading of a file. */
const LOOK_AT = 16;

export class Parking {
  /** Changed by park, take and release only. */
  private readonly waiting = new Map<JobId, Request[]>();
  /** Those of them whose callers got a signal, the one looked at longest ago first; as `waiting`. */
  private readonly signalled = new Map<Request, JobId>();
  private requests = 0;

  /**
   * @param interrupted answers a request with EINTR
   * @param killed is this thread about to die?
   */
  constructor(
    private readonly interrupted: (request: Request) => void,
    private readonly killed: (thread: number) => boolean = isKilled,
  ) {}

  /** How many requests wait. */
  get size(): number {
    return this.requests;
  }

  /** A waiting request's caller got a signal: `releaseKilled` is to be called now and then. */
  get watches(): boolean {
    return this.signalled.size > 0;
  }

  park(job: JobId, request: Request): void {
    const copy = request.copy();
    copy.load(copy.bytes.length);
    const others = this.waiting.get(job);
    if (others === undefined) this.waiting.set(job, [copy]);
    else others.push(copy);
    this.requests++;
    if (copy.signalled) this.signalled.set(copy, job);
  }

  /** Takes the requests that wait for a job, in the order in which they came. */
  take(job: JobId): readonly Request[] {
    const requests = this.waiting.get(job);
    if (requests === undefined) return [];
    this.waiting.delete(job);
    this.requests -= requests.length;
    for (const request of requests) this.signalled.delete(request);
    return requests;
  }

  /** FUSE_INTERRUPT of the request with this unique id; one that is not parked has been answered already. */
  interrupt(uniqueLow: number, uniqueHigh: number): void {
    for (const [job, requests] of this.waiting) {
      const request = requests.find((r) => r.uniqueLow === uniqueLow && r.uniqueHigh === uniqueHigh);
      if (request === undefined) continue;
      request.signalled = true;
      this.signalled.set(request, job);
      if (this.killed(request.pid)) this.release(request, job);
      return;
    }
  }

  /** Lets go of requests whose callers have been killed; of a few at a time. */
  releaseKilled(): void {
    for (let left = Math.min(this.signalled.size, LOOK_AT); left > 0; left--) {
      const [request, job] = this.signalled.entries().next().value!;
      this.signalled.delete(request);
      if (this.killed(request.pid)) this.release(request, job);
      else this.signalled.set(request, job);
    }
  }

  private release(request: Request, job: JobId): void {
    const requests = this.waiting.get(job)!;
    requests.splice(requests.indexOf(request), 1);
    this.signalled.delete(request);
    this.requests--;
    this.interrupted(request);
  }
}
