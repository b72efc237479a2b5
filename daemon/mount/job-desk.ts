/**
 * The serving thread's end of the line to the main thread: hands jobs over, and takes results, questions and the
 * wish to stop when the eventfd says that some are waiting.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { JobId } from '../../lib/base/ids';
import type { Job, JobResult, JobRunner } from '../../lib/vfs/jobs';
import type { JobResults } from '../../lib/vfs/transport';
import type { FromServing, ToServing } from './thread-messages';

export class JobDesk implements JobRunner, JobResults {
  private lastId = 0;
  private asked = false;

  /**
   * @param counters answers the main thread's question; only called after the union is open
   * @param flushIndex what the main thread wishes now and then; only called after the index is open
   * @param releaseLog likewise
   */
  constructor(
    private readonly port: MessagePort,
    readonly fd: number,
    private readonly counters: () => Record<string, number>,
    private readonly flushIndex: () => void,
    private readonly releaseLog: () => void,
  ) {}

  get stopping(): boolean {
    return this.asked;
  }

  start(job: Job): JobId {
    const id = ++this.lastId;
    this.say({ kind: 'job', id, job });
    return id as JobId;
  }

  take(): JobResult[] {
    const results: JobResult[] = [];
    for (let next = receiveMessageOnPort(this.port); next; next = receiveMessageOnPort(this.port)) {
      const message = next.message as ToServing;
      if (message.kind === 'result') results.push({ id: message.id as JobId, result: message.result });
      else if (message.kind === 'stop') this.asked = true;
      else if (message.kind === 'flush-index') this.flushIndex();
      else if (message.kind === 'release-log') this.releaseLog();
      else this.say({ kind: 'counters', counters: this.counters() });
    }
    return results;
  }

  say(message: FromServing): void {
    this.port.postMessage(message);
  }
}
