/**
 * A handler for each operation, as the binding calls them: shows the request, asks the file system, replies. The
 * one place where an exception becomes EIO for its caller and a line in the log.
 *
 * Invariant: each callback is answered exactly once, at once or after its job; the libfuse thread sleeps until
 * then, so that what a parked request refers to stays in place.
 */
import { type Count, EIO, ENODEV, errnoName, OK, PARKED } from '../base/errno';
import type { JobId } from '../base/ids';
import type { Logger } from '../base/log';
import type { JobResult } from '../vfs/jobs';
import { type Binding, type FuseThread, type Handler, numberOf, type Signal, signalOf } from './binding';
import { Opcode } from './opcodes';
import { type Arguments, type Operation, plain } from './operation';
import { ATTRIBUTES } from './ops/attributes';
import { DIRECTORIES } from './ops/directories';
import { FILES } from './ops/files';
import { NAMES } from './ops/names';
import { XATTRS } from './ops/xattrs';
import type { Session } from './session';

export interface HandlerOptions {
  readonly log: Logger;
  readonly trace: ((line: string) => void) | null;
  /** Called when a request comes. */
  readonly onRequest?: () => void;
  /** Runs after every request: tests check invariants here. */
  readonly checkAfterEach?: () => void;
}

const INIT: Operation = { name: 'init', opcodes: [Opcode.Init], run: () => OK, reply: plain };

export const OPERATIONS: readonly Operation[] = [
  INIT,
  ...ATTRIBUTES,
  ...NAMES,
  ...FILES,
  ...DIRECTORIES,
  ...XATTRS,
];

/** The binding has this many places for handlers. */
const PLACES = 35;

/** A callback of the binding: what to do, for which thread, with what. */
interface Request {
  readonly operation: Operation;
  readonly signal: Signal;
  readonly thread: FuseThread;
  readonly args: Arguments;
}

export class Handlers {
  /** In the binding's order, with gaps filled: it takes functions only. */
  readonly table: Handler[] = new Array<Handler>(PLACES).fill(() => {});
  readonly implemented = new Uint32Array(PLACES);

  /** Requests so far. */
  handled = 0;

  /** Called when a request has begun to wait for a job; set by the transport. */
  onPark: () => void = () => {};

  /** What serves; null before `start`. */
  private session: Session | null = null;
  /** Set by `stop`: nothing reaches the file system any more. */
  private ended = false;
  /** Requests that came before `start`. */
  private early: Request[] = [];
  private readonly waiting = new Map<JobId, Request[]>();

  constructor(
    binding: Binding,
    private readonly options: HandlerOptions,
  ) {
    for (const operation of OPERATIONS) {
      const signal = signalOf(binding, operation.name);
      const place = numberOf(binding, operation.name);
      this.implemented[place] = 1;
      this.table[place] = (thread: FuseThread, _number: number, ...args: never[]) =>
        this.handle({ operation, signal, thread, args });
    }
  }

  /** True while a request waits for a job. */
  get parked(): boolean {
    return this.waiting.size > 0;
  }

  start(session: Session): void {
    this.session = session;
    for (const request of this.early.splice(0)) this.run(session, request, null);
  }

  /** Whatever comes from now on is answered ENODEV. */
  stop(): void {
    this.ended = true;
  }

  /** Preconditions: started. */
  jobDone({ id, result }: JobResult): void {
    const session = this.session!;
    session.fs.jobDone(id, result);
    const parked = this.waiting.get(id) ?? [];
    this.waiting.delete(id);
    for (const request of parked) this.run(session, request, result);
  }

  private handle(request: Request): void {
    this.options.onRequest?.();
    this.handled++;
    if (this.session === null) this.early.push(request);
    else this.run(this.session, request, null);
  }

  private run(x: Session, request: Request, jobResult: number | null): void {
    const { operation, signal, thread, args } = request;
    const result = this.perform(x, request, jobResult);
    this.options.trace?.(`${operation.name} ${describe(args)} -> ${outcome(result)}`);
    if (result === -PARKED) this.park(x.call.job as JobId, request);
    else operation.reply(x, signal, thread, result, args);
    if (this.options.checkAfterEach === undefined || this.ended) return;
    x.paths.checkInvariants();
    this.options.checkAfterEach();
  }

  private perform(x: Session, { operation, thread, args }: Request, jobResult: number | null): Count {
    if (this.ended) return -ENODEV;
    try {
      if (!x.window.open(thread, operation.opcodes)) {
        this.options.log.error({ operation: operation.name }, 'the request cannot be found in memory');
        return -EIO;
      }
      x.begin(jobResult);
      return operation.run(x, args);
    } catch (error) {
      this.options.log.error({ err: error, operation: operation.name }, 'an operation failed');
      return -EIO;
    }
  }

  private park(job: JobId, request: Request): void {
    const others = this.waiting.get(job);
    if (others === undefined) this.waiting.set(job, [request]);
    else others.push(request);
    this.onPark();
  }
}

function describe(args: Arguments): string {
  return args.map((arg) => (Buffer.isBuffer(arg) ? `${arg.length}B` : JSON.stringify(arg))).join(' ');
}

function outcome(result: Count): string {
  return result < 0 ? errnoName(-result) : String(result);
}
