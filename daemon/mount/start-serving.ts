/** Starts what serves a mount, on the transport that was asked for, with an index of its own. */
import { UserError } from '../../lib/base/errors';
import type { IndexWriter } from '../../lib/index/index-writer';
import type { MountConfig } from './config';
import type { MountLog } from './mount-log';
import { FallbackServing, type Serving } from './serving';
import { ServingLoop } from './serving-loop';
import { ServingThread } from './serving-thread';
import type { ServingPlan } from './thread-messages';

/** @param openIndex called for each that is started, which closes it at its end */
export async function startServing(
  transport: MountConfig['transport'],
  plan: ServingPlan,
  openIndex: () => Promise<IndexWriter>,
  mountLog: MountLog,
): Promise<Serving> {
  const { log } = mountLog;
  const onLoop = async (): Promise<Serving> => new ServingLoop(plan, await openIndex(), log);
  if (transport === 'fuse-native') return onLoop();
  const thread = new ServingThread(plan, await openIndex(), mountLog);
  if (transport === 'kernel') return thread;
  return new FallbackServing(thread, (refusal) => {
    if (!(refusal instanceof UserError) || refusal.code !== 'kernel-too-old') return null;
    log.warn(`${refusal.message}: trying the fuse-native transport, which is slower and can do less`);
    return onLoop();
  });
}
