/**
 * The index on the main thread: opens the database first and closes it last, and writes what the serving thread
 * hands over.
 *
 * - One write is under way at a time; what arrives meanwhile is written together after it.
 * - The first write that fails (a full disk, say) is the last: the index then serves reads only, until the end of
 *   the mount. A database in which anything damaged was seen is removed at the end.
 * - It survives being killed at any moment: LevelDB's log keeps whole batches, in order, and the records carry
 *   checksums of their own.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { ByteString } from '../base/bytes';
import type { Logger } from '../base/log';
import { type Batch, operationsOf, type PutOperation } from './batch';
import { type OpenDatabase, openDatabase } from './database';
import { messageOf, NoDatabase } from './folder';
import { LAST_MOUNT_KEY } from './keys';
import { Tally } from './tally';

/** What the serving thread sends; `collecting`: it has begun a batch. */
export type ToWriter = Batch | 'collecting' | 'closed';

/** What the serving thread needs, as workerData or in a message; `port` belongs into the transfer list. */
export interface IndexLink {
  readonly location: string;
  readonly identity: string;
  readonly tally: SharedArrayBuffer;
  readonly port: MessagePort;
}

export interface IndexWriter {
  /** Given to `openIndex`, once; null where the folder cannot be used. */
  readonly link: IndexLink | null;
  /**
   * Set by the owner, called when records have been collected for a while without being handed over: the serving
   * thread, which may be asleep, is then to call `flush`.
   */
  whenStale: (() => void) | null;
  /** Settles when everything that was handed over is written, or lost. */
  drained(): Promise<void>;
  /**
   * Writes what is left and closes the database.
   * Preconditions: the serving thread has closed its index, or has ended (the Worker's `exit` was seen), or never
   * opened it and never will.
   */
  close(): Promise<void>;
}

/** How long after a write LevelDB may have made tables of it. */
const SEAL_AFTER_MS = 1000;
/** How long records may be collected. */
const STALE_AFTER_MS = 500;

/** For a mount whose index lies in no folder. */
export function noWriter(): IndexWriter {
  return { link: null, whenStale: null, drained: async () => {}, close: async () => {} };
}

class LevelWriter implements IndexWriter {
  readonly link: IndexLink;
  whenStale: (() => void) | null = null;
  private readonly port: MessagePort;
  private readonly tally = new Tally();
  private readonly begun = Date.now();
  /** Handed over and not yet being written. */
  private waiting: Batch[] = [];
  /** The write under way; never rejects. */
  private writing: Promise<void> | null = null;
  private readonly handedOver: Promise<void>;
  private sealing: NodeJS.Timeout | null = null;
  private staling: NodeJS.Timeout | null = null;

  constructor(
    private readonly opened: OpenDatabase,
    identity: string,
    private readonly log: Logger,
  ) {
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    this.link = { location: opened.location, identity, tally: this.tally.memory, port: port2 };
    this.handedOver = new Promise((resolve) => {
      port1.on('close', resolve);
      port1.on('message', (message: ToWriter) => {
        if (message === 'closed') resolve();
        else if (message === 'collecting')
          this.staling ??= setTimeout(() => this.stale(), STALE_AFTER_MS).unref();
        else this.take(message);
      });
    });
    // An index alone is no reason for a process to live on.
    port1.unref();
    const { distrusted } = opened;
    if (distrusted !== null)
      this.tell(`the index is made anew, the old one is not to be believed: ${distrusted}`);
    // Opening may have turned a killed mount's log into tables.
    this.seal();
  }

  async drained(): Promise<void> {
    while (this.tally.waiting > 0) await sleep(1);
  }

  async close(): Promise<void> {
    if (this.tally.attached) {
      this.port.ref();
      await this.handedOver;
    }
    while (this.writing !== null) await this.writing;
    if (!this.tally.stopped) await this.write([]);
    this.port.close();
    if (this.sealing !== null) clearTimeout(this.sealing);
    if (this.staling !== null) clearTimeout(this.staling);
    try {
      await this.opened.close(this.tally.of('damaged') > 0);
    } catch (error) {
      this.tell(`the index may have to be made anew by the next mount: ${messageOf(error)}`);
    }
  }

  private stale(): void {
    this.staling = null;
    this.whenStale?.();
  }

  private take(batch: Batch): void {
    if (this.staling !== null) clearTimeout(this.staling);
    this.staling = null;
    this.waiting.push(batch);
    this.writing ??= this.writeAll();
  }

  private async writeAll(): Promise<void> {
    while (this.waiting.length > 0) {
      const batches = this.waiting;
      this.waiting = [];
      await this.write(batches.flatMap(operationsOf));
      for (const batch of batches) this.tally.addWaiting(-batch.length);
    }
    this.writing = null;
  }

  /** Writes records, and what the mount's counters have come to. */
  private async write(records: PutOperation[]): Promise<void> {
    if (this.tally.stopped) {
      this.tally.add('lost', records.length);
      return;
    }
    const lastMount = JSON.stringify({ begun: this.begun, saved: Date.now(), ...this.tally.toJSON() });
    const operation: PutOperation = { type: 'put', key: LAST_MOUNT_KEY, value: Buffer.from(lastMount) };
    try {
      await this.opened.db.batch([...records, operation]);
      this.tally.add('written', records.length);
      this.sealing ??= setTimeout(() => this.seal(), SEAL_AFTER_MS).unref();
    } catch (error) {
      this.tally.add('lost', records.length);
      this.fail(error);
    }
  }

  private seal(): void {
    this.sealing = null;
    try {
      this.opened.seal();
    } catch (error) {
      this.fail(error);
    }
  }

  private fail(error: unknown): void {
    this.tally.stop();
    this.tell(`the index cannot be written any more, it stays as it is: ${messageOf(error)}`);
  }

  private tell(message: string): void {
    if (this.tally.tellsFirst()) this.log.warn(message);
  }
}

/**
 * Opens the index that lies in a folder, for the stack with this identity; what it holds of another stack is
 * thrown away. Never rejects: where the folder cannot be used, one line says why and `link` is null.
 */
export async function openIndexWriter(
  folder: ByteString,
  identity: string,
  log: Logger,
): Promise<IndexWriter> {
  try {
    return await requireIndexWriter(folder, identity, log);
  } catch (error) {
    const reason = error instanceof NoDatabase ? error.reason : 'failed';
    log.warn(`the index is kept in memory only (${reason}): ${messageOf(error)}`);
    return noWriter();
  }
}

/** As `openIndexWriter`. Rejects with NoDatabase where the folder cannot be used. */
export async function requireIndexWriter(
  folder: ByteString,
  identity: string,
  log: Logger,
): Promise<IndexWriter> {
  return new LevelWriter(await openDatabase(folder, identity), identity, log);
}
