/** pino, set up once: JSON, or pretty lines on a terminal. */
import { isatty } from 'node:tty';
import pino from 'pino';

export type Logger = pino.Logger;

export interface LogOptions {
  /** `fatal` … `trace`, or `silent`. */
  readonly level: string;
  /** A file to append to; null writes to standard error. */
  readonly file: string | null;
}

/** A logger whose lines are written before the call returns, so that none is lost when the process ends. */
export function createLogger(options: LogOptions): Logger {
  const settings: pino.LoggerOptions = { level: options.level, base: { pid: process.pid } };
  // Asked of the descriptor: in a Worker, process.stderr is a stream to the main thread.
  if (options.file === null && isatty(2)) {
    // Loaded where it is needed only: it would be a tenth of a mount's start.
    const pretty = require('pino-pretty') as typeof import('pino-pretty');
    return pino(settings, pretty({ colorize: true, sync: true, destination: 2 }));
  }
  return pino(settings, pino.destination({ dest: options.file ?? 2, sync: true, mkdir: true }));
}
