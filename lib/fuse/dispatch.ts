/**
 * From a request message to its reply: finds the row, decodes, calls, encodes, sends. The one place where an
 * errno becomes a reply, and where an exception becomes EIO for its caller and a line in the log.
 *
 * Invariant: every request that wants a reply gets exactly one, at once or after its job. What a successful
 * reply gave to the kernel (lookup counts, handles) is taken back where the kernel did not take the reply.
 */
import { EFBIG, EINTR, EINVAL, EIO, ENODEV, ENOENT, type Errno, errnoName, OK, PARKED } from '../base/errno';
import type { JobId, NodeId } from '../base/ids';
import type { Logger } from '../base/log';
import type { FileSystem } from '../vfs/filesystem';
import type { JobResult } from '../vfs/jobs';
import { OUT_HEADER_BYTES } from './abi';
import { type Connection, Exchange } from './exchange';
import { Forgetting } from './forgetting';
import type { Operation } from './operation';
import { type OperationTable, operationTable, unknownOperation } from './ops/table';
import { Parking } from './parking';
import { Reply } from './reply';
import type { Request } from './request';
import { COUNTERS, Tracer } from './trace';

/** The largest errno that the kernel takes from a reply. */
const MAX_ERRNO = 511;

export interface DispatchOptions {
  readonly log: Logger;
  readonly trace: ((line: string) => void) | null;
  /** Runs after every request: tests check invariants here. */
  readonly checkAfterEach?: () => void;
  /** Requests by opcode; shared with whoever prints them. At least COUNTERS long. */
  readonly counters?: Float64Array;
}

/** Hands the first `length` bytes of a reply to the kernel. */
export type Send = (reply: Buffer, length: number) => Errno;

export class Dispatcher {
  readonly parking: Parking;
  private readonly forgetting: Forgetting;
  private readonly exchange: Exchange;
  private readonly table: OperationTable;
  private readonly tracer: Tracer | null;
  private readonly counters: Float64Array;
  /** For answers that cross a request which is under way. */
  private readonly refusal = new Reply();

  /** @param request the request that the reading loop fills again and again */
  constructor(
    private readonly fs: FileSystem,
    connection: Connection,
    private readonly request: Request,
    private readonly send: Send,
    private readonly options: DispatchOptions,
  ) {
    this.parking = new Parking((interrupted) => this.refuse(interrupted, EINTR));
    this.forgetting = new Forgetting(fs);
    this.exchange = new Exchange(fs, connection, this.parking, this.forgetting, request);
    this.table = operationTable(connection);
    this.tracer = options.trace === null ? null : new Tracer(options.trace);
    this.counters = options.counters ?? new Float64Array(COUNTERS);
  }

  /** Handles the message of `length` bytes in the request's buffer. */
  handle(length: number): void {
    if (!this.request.load(length)) {
      this.options.log.error({ length }, 'a message without a whole header came from the kernel');
      return;
    }
    if (this.request.opcode < COUNTERS) this.counters[this.request.opcode]!++;
    this.run(this.request, null);
  }

  /** A job is done: its parked requests run again. */
  jobDone({ id, result }: JobResult): void {
    this.fs.jobDone(id, result);
    for (const request of this.parking.take(id)) this.run(request, result);
  }

  /** In how many ms `work` wants to be called: 0 for now, -1 for not at all. */
  get workIn(): number {
    return this.forgetting.waiting ? 0 : this.fs.workIn;
  }

  /** Does a slice of what is to be done between requests. */
  work(): void {
    if (this.forgetting.waiting) this.forgetting.step();
    if (this.fs.workIn !== 0) return;
    const ended = this.fs.work();
    if (ended !== null) this.jobDone(ended);
  }

  /** Does a request or the file system wait for anything? */
  get busy(): boolean {
    return this.parking.size > 0 || this.fs.busy || this.forgetting.waiting;
  }

  private run(request: Request, jobResult: number | null): void {
    const x = this.exchange;
    const row = this.table[request.opcode] ?? unknownOperation;
    const errno = this.perform(x, row, request, jobResult);
    if (errno === PARKED) {
      this.tracer?.reply(x, row, errno, 0);
      this.parking.park(x.call.job as JobId, request);
    } else if (row.silent !== true) {
      this.answer(x, row, errno);
    }
    this.options.checkAfterEach?.();
  }

  private perform(x: Exchange, row: Operation, request: Request, jobResult: number | null): Errno {
    const { call } = x;
    x.request = request;
    x.args.node = request.node as NodeId;
    call.uid = request.uid;
    call.gid = request.gid;
    call.pid = request.pid;
    call.umask = 0;
    call.group = -1;
    call.jobResult = jobResult;
    call.job = 0;
    x.reply.reset();
    try {
      row.decode(x);
      this.tracer?.request(x, row);
      if (request.short) return EINVAL;
      if (request.tooLarge) return EFBIG;
      const errno = row.call(x);
      if (errno === OK && row.silent !== true) row.encode(x);
      return errno;
    } catch (error) {
      this.options.log.error({ err: error, operation: row.name, node: request.node }, 'an operation failed');
      return EIO;
    }
  }

  private answer(x: Exchange, row: Operation, errno: Errno): void {
    const { reply, request } = x;
    if (errno < 0 || errno > MAX_ERRNO) {
      this.options.log.error({ operation: row.name, errno }, 'the file system returned no errno');
      errno = EIO;
    }
    reply.finish(request, errno);
    this.tracer?.reply(x, row, errno, reply.at - OUT_HEADER_BYTES);
    const failure = this.send(reply.bytes, reply.at);
    if (failure === OK) return;
    this.reportUnsent(failure, row.name);
    if (errno === OK) row.undo?.(x);
  }

  private refuse(request: Request, errno: Errno): void {
    this.refusal.finish(request, errno);
    this.reportUnsent(this.send(this.refusal.bytes, this.refusal.at), 'a parked request');
  }

  /** ENOENT and ENODEV are ordinary: nobody waits for the reply any more. */
  private reportUnsent(failure: Errno, operation: string): void {
    if (failure === OK || failure === ENOENT || failure === ENODEV) return;
    this.options.log.error({ operation, failure: errnoName(failure) }, 'the kernel did not take a reply');
  }
}
