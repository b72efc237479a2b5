/**
 * Serving on this thread's event loop, for fuse-native: its binding knows libuv's default loop only. Union,
 * transport and jobs share the main thread, so nothing here may look at the mount and wait for the answer.
 *
 * The union takes this thread's umask and file-system user for its requests (lib/sys/attr.ts). The threads of
 * Node's pool, which LevelDB writes on, are started before that and keep the process's.
 */
import { promises } from 'node:fs';
import { EIO } from '../../lib/base/errno';
import type { JobId } from '../../lib/base/ids';
import type { Logger } from '../../lib/base/log';
import { FuseNativeTransport } from '../../lib/fuse-native/transport';
import type { IndexWriter } from '../../lib/index/index-writer';
import { openIndex } from '../../lib/index/level-index';
import type { Union } from '../../lib/union/union';
import type { Job, JobResult, JobRunner } from '../../lib/vfs/jobs';
import type { JobResults } from '../../lib/vfs/transport';
import { Bursts } from './bursts';
import { openPlanned } from './open-union';
import { runJob } from './run-job';
import type { Serving } from './serving';
import type { ServingPlan } from './thread-messages';
import { tracerOf } from './trace-requests';

export class ServingLoop implements Serving {
  readonly transport = 'fuse-native';
  readonly mounted: Promise<void>;
  readonly ended: Promise<void>;

  private readonly jobs: LoopJobs;
  /** Settles with the union once that is open. */
  private readonly union: Promise<Union>;

  constructor(plan: ServingPlan, index: IndexWriter, log: Logger) {
    this.jobs = new LoopJobs(log);
    this.union = this.open(plan, index, log);
    const bursts = new Bursts(plan.mount.pollIdleCpus);
    const transport = this.union.then((union) => mountUnion(union, plan, log, bursts.request));
    this.mounted = transport.then(() => {});
    this.ended = transport
      .then(
        async (mounted) => mounted.serve(await this.union, this.jobs),
        () => {},
      )
      .finally(() => {
        bursts.end();
        return index.close();
      });
  }

  async counters(): Promise<Record<string, number>> {
    return (await this.union).counters();
  }

  stop(): void {
    this.jobs.stopping = true;
  }

  private async open(plan: ServingPlan, writer: IndexWriter, log: Logger): Promise<Union> {
    await promises.stat('/');
    const index = await openIndex(writer.link, log);
    writer.whenStale = () => index.flush();
    return openPlanned(plan, this.jobs, log, index);
  }
}

/** Mounts, or closes the union again. */
function mountUnion(
  union: Union,
  plan: ServingPlan,
  log: Logger,
  onRequest: () => void,
): FuseNativeTransport {
  try {
    const transport = new FuseNativeTransport({
      log,
      trace: plan.traceFuse ? tracerOf(union, log) : null,
      onRequest,
      ...(plan.union.checkInvariants ? { checkAfterEach: () => union.checkInvariants() } : {}),
    });
    transport.mount({ ...plan.mount, stackDepth: union.stackDepth });
    return transport;
  } catch (error) {
    union.destroy();
    throw error;
  }
}

class LoopJobs implements JobRunner, JobResults {
  /** There is nothing to sleep on: the transport asks for results while a request waits for one. */
  readonly fd = -1;
  stopping = false;
  private readonly finished: JobResult[] = [];
  private lastId = 0;

  constructor(private readonly log: Logger) {}

  start(job: Job): JobId {
    const id = ++this.lastId as JobId;
    void this.run(id, job);
    return id;
  }

  take(): JobResult[] {
    return this.finished.splice(0);
  }

  private async run(id: JobId, job: Job): Promise<void> {
    const result = await runJob(job).catch((error) => {
      this.log.error({ err: error, job }, 'a job failed');
      return -EIO;
    });
    this.finished.push({ id, result });
  }
}
