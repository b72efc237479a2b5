/**
 * Writes the lines of a mount's process, whichever thread they come from, to a descriptor: off the threads that serve
 * and without waiting, because a disk may be slow and whoever reads a pipe may have stopped reading.
 *
 * Invariants: one write is under way at a time. At most MAX_WAITING_BYTES wait; what comes beyond, and what cannot be
 * written, is counted, and the next line that can be written is preceded by one that says how many are missing.
 */
import { write as fsWrite, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { codeOf, LostLines } from './log';
import type { LogFile } from './log-file';

const MAX_WAITING_BYTES = 1 << 20;
const RETRY_MS = 20;
/** How long the end of the process waits for the last lines. */
const PATIENCE_MS = 1000;

const NEWLINE = 0x0a;

const writeTo = promisify(fsWrite);

export class LogWriter {
  private waiting: string[] = [];
  private waitingLength = 0;
  /** The write under way; never rejects. */
  private writing: Promise<void> | null = null;
  private readonly lost = new LostLines();

  /**
   * @param out a log file, or a descriptor that is written to as it is; best one that does not block
   * @param whenReplaced called with the new descriptor when a full file was put aside
   */
  constructor(
    private readonly out: LogFile | { readonly fd: number },
    private readonly whenReplaced: (fd: number) => void = () => {},
  ) {}

  write(line: string): void {
    if (this.waitingLength + line.length > MAX_WAITING_BYTES) {
      this.lost.missed(1, 'they were not taken fast enough');
      return;
    }
    this.waiting.push(line);
    this.waitingLength += line.length;
    this.writing ??= this.writeAll();
  }

  /** Settles when everything is written, or after a while. */
  async drained(): Promise<void> {
    if (this.writing !== null) await Promise.race([this.writing, sleep(PATIENCE_MS)]);
  }

  /** Writes what waits before it returns, for a process that is about to be killed. */
  writeNow(): void {
    try {
      writeSync(this.out.fd, this.waiting.splice(0).join(''));
    } catch {
      // There is nobody left to tell.
    }
  }

  private async writeAll(): Promise<void> {
    // Lines that are logged together are written together.
    await null;
    while (this.waiting.length > 0) {
      const lines = this.waiting;
      this.waiting = [];
      this.waitingLength = 0;
      await this.put(lines);
    }
    this.writing = null;
  }

  private async put(lines: readonly string[]): Promise<void> {
    const head = this.lost.before();
    const bytes = Buffer.from(head + lines.join(''));
    let at = 0;
    try {
      if ('makeRoom' in this.out && (await this.out.makeRoom(bytes.length))) this.whenReplaced(this.out.fd);
      while (at < bytes.length) at += await this.some(bytes, at);
      this.lost.written();
    } catch (error) {
      if (at >= head.length) this.lost.written();
      const rest = bytes.subarray(Math.max(at, head.length));
      this.lost.failed(newlinesIn(rest), at > 0 && bytes[at - 1] !== NEWLINE, codeOf(error));
    }
  }

  /** Writes a part; 0 where there is no room now. */
  private async some(bytes: Buffer, at: number): Promise<number> {
    try {
      return (await writeTo(this.out.fd, bytes, at)).bytesWritten;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      await sleep(RETRY_MS, undefined, { ref: false });
      return 0;
    }
  }
}

function newlinesIn(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) count++;
  return count;
}
