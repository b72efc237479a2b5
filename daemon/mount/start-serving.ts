/** Starts what serves a mount, on the transport that was asked for, with an index of its own. */
import { UserError } from '../../lib/base/errors';
import type { Logger } from '../../lib/base/log';
import type { IndexWriter } from '../../lib/index/index-writer';
import type { MountConfig } from './config';
import { FallbackServing, type Serving } from './serving';
import { ServingLoop } from './serving-loop';
import { ServingThread } from './serving-thread';
import type { ServingPlan } from './thread-messages';

/** @param openIndex called for each that is started, which closes it at its end */
export async function startServing(
  transport: MountConfig['transport'],
  plan: ServingPlan,
  openIndex: () => Promise<IndexWriter>,
  log: Logger,
): Promise<Serving> {
  const onLoop = async (): Promise<Serving> => new ServingLoop(plan, await openIndex(), log);
  if (transport === 'fuse-native') return onLoop();
  const thread = new ServingThread(plan, await openIndex(), log);
  if (transport === 'kernel') return thread;
  return new FallbackServing(thread, (refusal) => {
    if (!(refusal instanceof UserError) || refusal.code !== 'kernel-too-old') return null;
    log.warn(`${refusal.message}: trying the fuse-native transport, which is slower and can do less`);
    return onLoop();
  });
}
