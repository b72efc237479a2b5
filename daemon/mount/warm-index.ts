/** Fills the index of a stack ahead of its first mount: lists every merged directory, as a mount would. */
import type { ByteString, Name } from '../../lib/base/bytes';
import { type Errno, errnoName, OK, PARKED } from '../../lib/base/errno';
import { UserError } from '../../lib/base/errors';
import { EXIT } from '../../lib/base/exit-codes';
import { NO_FH, type NodeId, ROOT_NODE } from '../../lib/base/ids';
import type { Logger } from '../../lib/base/log';
import type { ListingIndex } from '../../lib/index/index-store';
import { type IndexWriter, requireIndexWriter } from '../../lib/index/index-writer';
import { refusal } from '../../lib/index/inspect-index';
import { openIndex } from '../../lib/index/level-index';
import { close } from '../../lib/sys/open';
import { openUnion, type Union } from '../../lib/union/union';
import type { DirSink } from '../../lib/vfs/filesystem';
import { S_IFDIR } from '../../lib/vfs/flags';
import type { JobRunner } from '../../lib/vfs/jobs';
import { Call, Entry } from '../../lib/vfs/types';
import { checkLayers } from './check-layers';
import type { StackConfig } from './config';
import { identityOfStack, indexFolderOf, whyNotKeptIn } from './listing-index';
import { xattrNamespace } from './privilege';

/** Names listed between two rests, in which the index is written. */
const NAMES_BETWEEN_RESTS = 20_000;
const DT_DIR = S_IFDIR >> 12;

export interface Warmth {
  readonly folder: ByteString;
  /** Directories listed so far, and those known to come. */
  directories: number;
  ahead: number;
  names: number;
  /** Records that were there already, that are new, and that could not be kept. */
  known: number;
  written: number;
  notKept: number;
}

/**
 * @param seen called now and then, with the same object
 * @throws UserError where the stack or the place for the index cannot be used
 */
export async function warmIndex(
  config: StackConfig,
  log: Logger,
  seen: (warmth: Warmth) => void,
): Promise<Warmth> {
  process.umask(0o077);
  const { writable } = checkLayers(config, null);
  const why = writable === null || config.index !== 'auto' ? null : whyNotKeptIn(writable.work.fd);
  if (writable !== null) for (const { fd } of [writable.upper, writable.work]) close(fd);
  if (why !== null) {
    throw new UserError(
      'index-unusable',
      `no index is kept there: ${why}`,
      'name a place with --index',
      EXIT.FAILURE,
    );
  }
  const folder = indexFolderOf(config, false)!;
  const xattrs = xattrNamespace(config.userxattr);
  const writer = await requireIndexWriter(folder, identityOfStack(config.lowers, xattrs), log).catch(
    (error) => {
      throw refusal(folder, error);
    },
  );
  try {
    const index = await openIndex(writer.link, log);
    const union = openUnion(
      {
        lowers: config.lowers,
        upper: null,
        work: null,
        xattrs,
        fsync: 'never',
        volatile: false,
        xino: false,
        checkInvariants: false,
      },
      NO_JOBS,
      log,
      index,
    );
    try {
      const walk = new Walk(union, index, writer, folder, seen);
      await walk.below(ROOT_NODE);
      return await walk.end();
    } finally {
      union.destroy();
    }
  } finally {
    await writer.close();
  }
}

/** Nothing is copied or synced here. */
const NO_JOBS: JobRunner = {
  start: () => {
    throw new Error('a read-only walk has no jobs');
  },
};

class Walk {
  private readonly warmth: Warmth;
  private readonly call = new Call();
  private readonly entry = new Entry();
  private namesAtRest = 0;

  constructor(
    private readonly union: Union,
    private readonly index: ListingIndex,
    private readonly writer: IndexWriter,
    folder: ByteString,
    private readonly seen: (warmth: Warmth) => void,
  ) {
    this.warmth = { folder, directories: 0, ahead: 1, names: 0, known: 0, written: 0, notKept: 0 };
  }

  async below(node: NodeId): Promise<void> {
    const directories: Name[] = [];
    const sink: DirSink = {
      add: (name, _ino, dirType) => {
        if (name === '.' || name === '..') return true;
        this.warmth.names++;
        if (dirType === DT_DIR) directories.push(name);
        return true;
      },
    };
    this.call.jobResult = null;
    let list = this.union.readdir(this.call, node, NO_FH, 0, sink);
    for (; list === PARKED; list = this.union.readdir(this.call, node, NO_FH, 0, sink)) this.finishWork();
    this.check(list);
    this.warmth.directories++;
    this.warmth.ahead += directories.length - 1;
    if (this.warmth.names - this.namesAtRest >= NAMES_BETWEEN_RESTS) await this.rest();
    for (const name of directories) {
      this.check(this.union.lookup(this.call, node, name, this.entry));
      const child = this.entry.node;
      // What follows begins on an empty stack: a tree may be deeper than that goes.
      await null;
      await this.below(child);
      this.union.forget(child, 1);
    }
  }

  /** What a huge directory leaves to be done after its request. */
  private finishWork(): void {
    while (this.union.workIn === 0) {
      const ended = this.union.work();
      if (ended === null) continue;
      this.union.jobDone(ended.id, ended.result);
      this.call.jobResult = ended.result;
    }
  }

  async end(): Promise<Warmth> {
    await this.rest();
    return this.warmth;
  }

  private async rest(): Promise<void> {
    this.namesAtRest = this.warmth.names;
    this.index.flush();
    await this.writer.drained();
    const { hits = 0, written = 0, unsettled = 0, dropped = 0, lost = 0 } = this.index.counters();
    Object.assign(this.warmth, { known: hits, written, notKept: unsettled + dropped + lost });
    this.seen(this.warmth);
  }

  private check(errno: Errno): void {
    if (errno === OK) return;
    throw new UserError('layer-unfit', `cannot list the layers: ${errnoName(errno)}`, '', EXIT.BAD_LAYER);
  }
}
