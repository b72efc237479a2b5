/**
 * Requests that wait for a job (lib/vfs/jobs.ts). Each is kept as a copy of its message and runs again, from the
 * start, when the job is done. An interrupted one is answered EINTR at once and never runs again; its job goes on.
 */
import type { JobId } from '../base/ids';
import type { Request } from './request';

export class Parking {
  /** Changed by park, take and interrupt only. */
  private readonly waiting = new Map<JobId, Request[]>();
  private requests = 0;

  /** @param interrupted answers a request with EINTR */
  constructor(private readonly interrupted: (request: Request) => void) {}

  /** How many requests wait. */
  get size(): number {
    return this.requests;
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
      const at = requests.findIndex((r) => r.uniqueLow === uniqueLow && r.uniqueHigh === uniqueHigh);
      if (at < 0) continue;
      const [request] = requests.splice(at, 1);
      this.requests--;
      this.interrupted(request!);
      return;
    }
  }
}
