/** The main thread's handle on the serving thread: does its jobs, asks it for counters, tells it to stop. */
import { join } from 'node:path';
import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { EIO } from '../../lib/base/errno';
import { UserError } from '../../lib/base/errors';
import type { IndexWriter } from '../../lib/index/index-writer';
import { eventfd, signalEvent } from '../../lib/sys/io';
import type { Job } from '../../lib/vfs/jobs';
import { type MountLog, RELEASE_AFTER_MS } from './mount-log';
import { runJob } from './run-job';
import type { Serving } from './serving';
import type { FromServing, ServingData, ServingPlan, ToServing } from './thread-messages';

export class ServingThread implements Serving {
  readonly transport = 'kernel';
  readonly mounted: Promise<void>;
  readonly ended: Promise<void>;

  private readonly channel = new MessageChannel();
  private readonly eventFd = eventfd();
  /** Takes a message of the thread. */
  private hear: (message: FromServing) => void = () => {};
  /** Those who wait for counters; all are answered by the next report. */
  private askers: ((counters: Record<string, number>) => void)[] = [];

  constructor(
    plan: ServingPlan,
    index: IndexWriter,
    private readonly mountLog: MountLog,
  ) {
    const { link } = index;
    index.whenStale = () => this.tell({ kind: 'flush-index' });
    const data: ServingData = { plan, port: this.channel.port2, index: link, eventFd: this.eventFd };
    const worker = new Worker(join(__dirname, 'serving-worker.js'), {
      workerData: data,
      transferList: link === null ? [this.channel.port2] : [this.channel.port2, link.port],
    });
    const exited = new Promise<void>((resolve, reject) => {
      worker.once('error', reject);
      worker.once('exit', () => {
        this.takeLastLines();
        this.channel.port1.close();
        resolve();
      });
    });
    this.ended = exited.finally(() => index.close());
    this.mounted = new Promise((resolve, reject) => {
      this.hear = (message) => {
        if (message.kind === 'mounted') resolve();
        else if (message.kind === 'refused') reject(UserError.fromJSON(message.error as UserError));
        else if (message.kind === 'log') this.mountLog.write(message.line);
        else if (message.kind === 'log-held') this.releaseLogLater();
        else if (message.kind === 'job') void this.doJob(message.id, message.job);
        else for (const answer of this.askers.splice(0)) answer(message.counters);
      };
      this.channel.port1.on('message', this.hear);
      exited.then(() => reject(new Error('the serving thread ended before it had mounted')), reject);
    });
  }

  counters(): Promise<Record<string, number>> {
    return new Promise((resolve) => {
      this.askers.push(resolve);
      this.tell({ kind: 'report-counters' });
    });
  }

  stop(): void {
    this.tell({ kind: 'stop' });
  }

  /** What the thread said before it ended, where the event loop has not taken it yet. */
  private takeLastLines(): void {
    const { port1 } = this.channel;
    for (let next = receiveMessageOnPort(port1); next; next = receiveMessageOnPort(port1)) {
      this.hear(next.message as FromServing);
    }
  }

  private releaseLogLater(): void {
    setTimeout(() => this.tell({ kind: 'release-log' }), RELEASE_AFTER_MS).unref();
  }

  private async doJob(id: number, job: Job): Promise<void> {
    const result = await runJob(job).catch((error) => {
      this.mountLog.log.error({ err: error, job }, 'a job failed');
      return -EIO;
    });
    this.tell({ kind: 'result', id, result });
  }

  private tell(message: ToServing): void {
    this.channel.port1.postMessage(message);
    signalEvent(this.eventFd);
  }
}
