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

export class Parking {
  /** Changed by park, take and releaseKilled only. */
  private readonly waiting = new Map<JobId, Request[]>();
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
    for (const requests of this.waiting.values()) if (requests.some((r) => r.signalled)) return true;
    return false;
  }

  park(job: JobId, request: Request): void {
    const copy = request.copy();
    copy.load(copy.bytes.length);
    const others = this.waiting.get(job);
    if (others === undefined) this.waiting.set(job, [copy]);
    else others.push(copy);
    this.requests++;
  }

  /** Takes the requests that wait for a job, in the order in which they came. */
  take(job: JobId): readonly Request[] {
    const requests = this.waiting.get(job);
    if (requests === undefined) return [];
    this.waiting.delete(job);
    this.requests -= requests.length;
    return requests;
  }

  /** FUSE_INTERRUPT of the request with this unique id; one that is not parked has been answered already. */
  interrupt(uniqueLow: number, uniqueHigh: number): void {
    for (const requests of this.waiting.values()) {
      const request = requests.find((r) => r.uniqueLow === uniqueLow && r.uniqueHigh === uniqueHigh);
      if (request !== undefined) request.signalled = true;
    }
    this.releaseKilled();
  }

  /** Lets go of the requests whose callers have been killed. */
  releaseKilled(): void {
    for (const requests of this.waiting.values()) {
      for (const request of requests.filter((r) => r.signalled && this.killed(r.pid))) {
        requests.splice(requests.indexOf(request), 1);
        this.requests--;
        this.interrupted(request);
      }
    }
  }
}
