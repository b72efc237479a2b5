/**
 * The serving loop: read a request, handle it, again; wait in poll(2) when there is none.
 *
 * Waking a sleeping thread costs more than most requests, so while requests keep coming the loop asks a few dozen
 * times again before it sleeps (`patience`). A wait in which nothing came halves the patience, a request that
 * came soon restores it: an idle mount sleeps, and a busy machine is not kept from other work. For the same time
 * idle CPUs are kept from halting (`IdleCpus`), because the caller sleeps too, until its reply is there.
 *
 * What takes long is done in slices between requests (`FileSystem.work`). After a slice in which requests came they have
 * their turn for as long as the slice took, whether they queue or come one after the other: they keep half of the time
 * at the least, and so does the work.
 */
import { EAGAIN, EINTR, ENODEV, ENOENT, errnoName } from '../base/errno';
import type { IdleCpus } from '../sys/idle-cpus';
import { clearEvent, Poller, read } from '../sys/io';
import type { JobResults } from '../vfs/transport';
import type { Dispatcher } from './dispatch';
import type { Request } from './request';

/** Reads in one spin: about 50 µs. */
const MAX_PATIENCE = 64;
/** A request that came within this many ms after going to sleep would have been worth a spin. */
const SOON_MS = 0.1;
/** Requests that are less than this many ms apart belong to one burst: while it lasts, idle CPUs are kept awake. */
const BURST_MS = 2;
/** How often callers that got a signal while their request is parked are looked at. */
const KILL_CHECK_MS = 20;
/** Requests handled before jobs get their turn under full load. */
const REQUESTS_BETWEEN_JOBS = 32;

/**
 * Reads in a row that may fail for no reason known here, before it is taken for the end: out of memory is passing, and
 * what runs on this thread between a call and the look at errno can change it.
 */
const MAX_FAILURES = 1000;

/** ECONNABORTED: the connection was aborted (/sys/fs/fuse/connections). */
const ECONNABORTED = 103;

export class ServeLoop {
  private readonly poller: Poller;
  private patience = MAX_PATIENCE;
  /** When the last slice of work ended, how long it took, and the requests that have been handled since. */
  private workedUntil = 0;
  private workedFor = 0;
  private handledSince = 0;
  private lookedForKills = 0;

  constructor(
    private readonly device: number,
    private readonly request: Request,
    private readonly dispatcher: Dispatcher,
    private readonly jobs: JobResults,
    private readonly idleCpus: IdleCpus,
  ) {
    this.poller = new Poller([device, jobs.fd]);
  }

  /**
   * Serves until the mount is gone or a stop is asked for, and then until no request waits for a job. Those that
   * wait when the mount is gone run to their end too, as their callers asked; nobody hears of it.
   */
  run(): void {
    let failures = 0;
    for (let handled = 0; !this.jobs.stopping; ) {
      const length = this.next();
      if (length > 0) {
        failures = 0;
        this.dispatcher.handle(length);
        if (++handled % REQUESTS_BETWEEN_JOBS === 0) this.turnToJobs();
        this.handledSince++;
        if (this.dispatcher.workIn === 0) this.turnToWork();
      } else if (length === -ENODEV || length === -ECONNABORTED) {
        break;
      } else if (length === -EAGAIN) {
        failures = 0;
        if (this.dispatcher.workIn === 0) this.turnToWork();
        else this.sleep();
      } else if (length !== -EINTR && length !== -ENOENT && ++failures > MAX_FAILURES) {
        throw new Error(`reading /dev/fuse: ${errnoName(-length)}`);
      }
    }
    const jobsOnly = new Poller([this.jobs.fd]);
    while (this.dispatcher.busy) {
      const { workIn } = this.dispatcher;
      if (workIn === 0) this.dispatcher.work();
      // That may have been the last of it: nothing would ever end a wait for more.
      if (jobsOnly.wait(workIn) > 0) this.deliverJobs();
    }
  }

  /** Does a slice of work, unless it is the requests' turn. */
  private turnToWork(): void {
    const before = performance.now();
    if (this.handledSince > 0 && before - this.workedUntil < this.workedFor) return;
    this.dispatcher.work();
    this.turnToJobs();
    this.workedUntil = performance.now();
    this.workedFor = this.workedUntil - before;
    this.handledSince = 0;
  }

  /** Reads a request, with patience. */
  private next(): number {
    const bytes = this.request.bytes;
    let length = read(this.device, bytes);
    if (length !== -EAGAIN || this.patience === 0 || this.dispatcher.workIn === 0) return length;
    for (let left = this.patience; left > 0 && length === -EAGAIN; left--) length = read(this.device, bytes);
    if (length > 0) {
      this.patience = MAX_PATIENCE;
      this.idleCpus.keepAwake();
    } else this.patience >>= 1;
    return length;
  }

  private sleep(): void {
    const { poller, idleCpus } = this;
    const before = performance.now();
    if (idleCpus.awake && poller.wait(BURST_MS) === 0) idleCpus.letHalt();
    if (!idleCpus.awake) poller.wait(this.longestSleep());
    const slept = performance.now() - before;
    if (slept < SOON_MS) this.patience = MAX_PATIENCE;
    if (slept < BURST_MS) idleCpus.keepAwake();
    this.takeJobs();
    this.lookForKills();
  }

  /** In ms; -1: until something comes. */
  private longestSleep(): number {
    const { parking, workIn } = this.dispatcher;
    if (!parking.watches) return workIn;
    return workIn < 0 ? KILL_CHECK_MS : Math.min(workIn, KILL_CHECK_MS);
  }

  private turnToJobs(): void {
    if (this.poller.wait(0) > 0) this.takeJobs();
    this.lookForKills();
  }

  private lookForKills(): void {
    const { parking } = this.dispatcher;
    if (!parking.watches) return;
    const now = performance.now();
    if (now - this.lookedForKills < KILL_CHECK_MS) return;
    this.lookedForKills = now;
    parking.releaseKilled();
  }

  /** Preconditions: poll(2) has just said what is ready. */
  private takeJobs(): void {
    if (this.poller.events(1) !== 0) this.deliverJobs();
  }

  private deliverJobs(): void {
    clearEvent(this.jobs.fd);
    for (const result of this.jobs.take()) this.dispatcher.jobDone(result);
  }
}
