/**
 * The serving thread: opens the union, mounts it, and serves it until the mount is gone. It blocks in poll(2), so
 * nothing here may wait for an event of Node's.
 */
import { workerData } from 'node:worker_threads';
import { UserError } from '../../lib/base/errors';
import { KernelTransport } from '../../lib/fuse/kernel-transport';
import { openIndex } from '../../lib/index/level-index';
import { JobDesk } from './job-desk';
import { servingLogger } from './mount-log';
import { openPlanned } from './open-union';
import type { FromServing, ServingData } from './thread-messages';
import { tracerOf } from './trace-requests';

async function serve({ plan, port, index: link, eventFd }: ServingData): Promise<void> {
  const say = (message: FromServing): void => port.postMessage(message);
  const { log, limit } = servingLogger(
    plan.log,
    (line) => say({ kind: 'log', line }),
    () => say({ kind: 'log-held' }),
  );
  const index = await openIndex(link, log);
  const desk = new JobDesk(
    port,
    eventFd,
    () => union.counters(),
    () => index.flush(),
    () => limit.release(),
  );
  const union = openPlanned(plan, desk, log, index);
  const transport = new KernelTransport({
    log,
    trace: plan.traceFuse ? tracerOf(union, log) : null,
    ...(plan.union.checkInvariants ? { checkAfterEach: () => union.checkInvariants() } : {}),
  });
  try {
    transport.mount({ ...plan.mount, stackDepth: union.stackDepth });
  } catch (error) {
    union.destroy();
    throw error;
  }
  desk.say({ kind: 'mounted' });
  try {
    await transport.serve(union, desk);
  } finally {
    limit.release(true);
  }
}

const data = workerData as ServingData;
serve(data).catch((error) => {
  if (!(error instanceof UserError)) throw error;
  data.port.postMessage({ kind: 'refused', error: error.toJSON() });
});
