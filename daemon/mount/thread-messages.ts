/** What the main thread of a mount's process and its serving thread say to each other. */
import type { MessagePort } from 'node:worker_threads';
import type { IndexLink } from '../../lib/index/index-writer';
import type { UnionOptions } from '../../lib/union/options';
import type { Job } from '../../lib/vfs/jobs';
import type { MountOptions } from '../../lib/vfs/transport';
import type { LogPlan } from './mount-log';

/** What the serving thread starts with. */
export interface ServingPlan {
  readonly union: UnionOptions;
  /** The stack depth is the union's to say. */
  readonly mount: Omit<MountOptions, 'stackDepth'>;
  /** The directory of the stack that the mountpoint lies in, as people are told of it; null for none. */
  readonly aroundMountpoint: string | null;
  readonly traceFuse: boolean;
  readonly log: LogPlan;
}

export interface ServingData {
  readonly plan: ServingPlan;
  readonly port: MessagePort;
  /** The way to the index, or null for one in memory. */
  readonly index: IndexLink | null;
  /** The main thread signals it after each message, for the serving thread sleeps in poll(2). */
  readonly eventFd: number;
}

export type FromServing =
  | { readonly kind: 'mounted' }
  /** A UserError as JSON: the mount was not made. */
  | { readonly kind: 'refused'; readonly error: object }
  | { readonly kind: 'job'; readonly id: number; readonly job: Job }
  /** A line for the log. */
  | { readonly kind: 'log'; readonly line: string }
  /** Lines of the log are held back: after a second they are to be released. */
  | { readonly kind: 'log-held' }
  | { readonly kind: 'counters'; readonly counters: Record<string, number> };

export type ToServing =
  | { readonly kind: 'result'; readonly id: number; readonly result: number }
  | { readonly kind: 'report-counters' }
  | { readonly kind: 'flush-index' }
  | { readonly kind: 'release-log' }
  | { readonly kind: 'stop' };
