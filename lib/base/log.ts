/**
 * The log: pino, set up once. JSON, or pretty lines on a terminal.
 *
 * - Lines from level `info` on are limited (log-limit.ts): whoever logs need not care how often. What is below is only
 *   written where it was asked for, and then all of it.
 * - No error of writing reaches whoever logs: what cannot be written is counted, and said when writing works again.
 * - What cannot be printed (bytes.ts) is escaped: in JSON as `\uHHHH`, which loses nothing; on a terminal visibly.
 */
import { writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import pino from 'pino';
import { type ByteString, escapeJson } from './bytes';
import { openLogFile } from './log-file';
import { LineLimit, PAUSE_MS } from './log-limit';

export type Logger = pino.Logger;

const INFO = 30;

export interface LogOptions {
  /** `fatal` … `trace`, or `silent`. */
  readonly level: string;
  /** A file to append to; null writes to standard error. */
  readonly file: ByteString | null;
}

/** A logger and the lines that it holds back. */
export interface LimitedLogger {
  readonly log: Logger;
  readonly limit: LineLimit;
}

/**
 * A logger whose lines go to a function, each with its newline.
 * @param whenHeld see LineLimit; left out, a timer of this thread releases what is held
 */
export function loggerInto(
  level: string,
  write: (line: string) => void,
  whenHeld?: () => void,
): LimitedLogger {
  const limit: LineLimit = new LineLimit(
    whenHeld ?? (() => void setTimeout(() => limit.release(), PAUSE_MS).unref()),
  );
  const settings: pino.LoggerOptions = {
    level,
    base: { pid: process.pid },
    hooks: {
      logMethod(args, method, number) {
        if (number < INFO) method.apply(this, args);
        else
          limit.submit(messageOf(args), (more) =>
            method.apply(this, more === 0 ? args : withMore(args, more)),
          );
      },
    },
  };
  return { log: pino(settings, { write: (line: string) => write(escapeJson(line)) }), limit };
}

/** A logger that writes each line before its call returns, however long that takes. */
export function directLogger({ level, file }: LogOptions, whenHeld?: () => void): LimitedLogger {
  const descriptor = file === null ? 2 : openLogFile(file).fd;
  const format = file === null ? formatterOf(descriptor) : asIs;
  const lost = new LostLines();
  const write = (text: string): void => {
    const bytes = Buffer.from(lost.before() + format(text));
    let at = 0;
    try {
      while (at < bytes.length) at += writeSync(descriptor, bytes, at);
      lost.written();
    } catch (error) {
      lost.failed(1, at > 0, codeOf(error));
    }
  };
  return loggerInto(level, write, whenHeld);
}

const direct = new Set<LineLimit>();

function releaseAll(): void {
  for (const limit of direct) limit.release(true);
}

/** As `directLogger`, for a process that does nothing else at its end. */
export function createLogger(options: LogOptions): Logger {
  const { log, limit } = directLogger(options);
  if (direct.size === 0) process.once('exit', releaseAll);
  direct.add(limit);
  return log;
}

/** How lines look on a descriptor. */
export function formatterOf(descriptor: number): (line: string) => string {
  // Asked of the descriptor: in a Worker, process.stderr is a stream to the main thread.
  if (!isatty(descriptor)) return asIs;
  // Loaded where it is needed only: it would be a tenth of a mount's start.
  const { prettyFactory } = require('pino-pretty') as typeof import('pino-pretty');
  const pretty = prettyFactory({ colorize: true });
  return (line) =>
    pretty(line.replace(/\\(u[0-9a-f]{4}|[bfr])|\\./gs, (all, code) => (code ? `\\${all}` : all))) ?? '';
}

function asIs(line: string): string {
  return line;
}

/** What could not be written, and how the next line says so. */
export class LostLines {
  private lost = 0;
  /** Those of whom the write under way says so. */
  private told = 0;
  /** The last line that was written has no end. */
  private cut = false;
  private why = '';

  /** Begins a write: what goes before its lines. */
  before(): string {
    const newline = this.cut ? '\n' : '';
    if (this.lost === 0) return newline;
    this.told = this.lost;
    this.lost = 0;
    const msg = `${this.told} lines of the log were lost: ${this.why}`;
    return `${newline}${JSON.stringify({ level: 40, time: Date.now(), pid: process.pid, msg })}\n`;
  }

  /** The write under way has succeeded. */
  written(): void {
    this.told = 0;
    this.cut = false;
  }

  /** The write under way has failed for so many lines; `cut`: in the middle of one. */
  failed(lines: number, cut: boolean, why: string): void {
    this.missed(this.told + lines, why);
    this.told = 0;
    this.cut ||= cut;
  }

  /** Lines that no write was begun for. */
  missed(lines: number, why: string): void {
    this.lost += lines;
    this.why = why;
  }
}

/** What went wrong, in a word where there is one. */
export function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}

/** The message of a line without its fields. */
function messageOf([first, second]: readonly unknown[]): string {
  return String(typeof first === 'string' ? first : (second ?? ''));
}

type LogArguments = Parameters<pino.LogFn>;

function withMore(args: LogArguments, more: number): LogArguments {
  const said = ` (and ${more} more like this)`;
  const [first, second, ...rest] = args as unknown[];
  if (typeof first === 'string') return [first + said, second, ...rest] as unknown as LogArguments;
  return [first, `${second ?? ''}${said}`, ...rest] as unknown as LogArguments;
}
