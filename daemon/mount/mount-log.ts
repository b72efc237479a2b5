/**
 * The log of a mount's process. Both threads log; this one writes (lib/base/log-writer.ts), so that nothing which is
 * served waits for a disk or for whoever reads a pipe.
 *
 * At level `debug` or `trace`, which somebody asked for, each thread writes its lines itself and at once: all of them,
 * in order, in a file of any size.
 */
import { constants, fstatSync, openSync } from 'node:fs';
import type { ByteString } from '../../lib/base/bytes';
import { directLogger, formatterOf, type LimitedLogger, type Logger, loggerInto } from '../../lib/base/log';
import { openLogFile } from '../../lib/base/log-file';
import { PAUSE_MS } from '../../lib/base/log-limit';
import { LogWriter } from '../../lib/base/log-writer';
import { dup2, setNonBlocking } from '../../lib/sys/open';
import type { MountConfig } from './config';

const { O_APPEND, O_NOCTTY, O_NONBLOCK, O_WRONLY } = constants;

/** What the serving thread's logger is made from. */
export interface LogPlan {
  readonly level: string;
  readonly file: ByteString | null;
  /** It writes by itself; else it hands its lines over. */
  readonly direct: boolean;
}

export class MountLog {
  readonly plan: LogPlan;
  readonly log: Logger;
  private readonly limited: LimitedLogger;
  /** Null where each thread writes by itself. */
  private readonly writer: LogWriter | null;
  private readonly format: (line: string) => string;

  /**
   * @param file null: standard error
   * @param ownsStandardError standard output and error go to `file` too, and follow it
   * @throws UserError where the file cannot be written
   */
  constructor(
    config: Pick<MountConfig, 'logLevel' | 'traceFuse'>,
    file: ByteString | null,
    ownsStandardError: boolean,
  ) {
    const level = config.traceFuse ? 'trace' : config.logLevel;
    const direct = level === 'trace' || level === 'debug';
    this.plan = { level, file, direct };
    this.format = formatterOf(file === null ? 2 : -1);
    const follow = (fd: number): void => {
      dup2(fd, 1);
      dup2(fd, 2);
    };
    if (direct) this.writer = null;
    else if (file === null) this.writer = new LogWriter({ fd: standardErrorThatNeverWaits() });
    else this.writer = new LogWriter(openLogFile(file), ownsStandardError ? follow : undefined);
    this.limited = direct ? directLogger(this.plan) : loggerInto(level, (line) => this.write(line));
    this.log = this.limited.log;
  }

  /** A line of another thread. */
  write(line: string): void {
    this.writer?.write(this.format(line));
  }

  /** To be awaited before the process ends: the last lines. */
  async end(): Promise<void> {
    this.limited.limit.release(true);
    await this.writer?.drained();
  }

  /** The same for a process that is killed in the next moment. */
  endNow(): void {
    this.limited.limit.release(true);
    this.writer?.writeNow();
  }
}

/** The serving thread's logger. */
export function servingLogger(
  plan: LogPlan,
  handOver: (line: string) => void,
  whenHeld: () => void,
): LimitedLogger {
  return plan.direct ? directLogger(plan, whenHeld) : loggerInto(plan.level, handOver, whenHeld);
}

/** How long after a line was held back the serving thread, which may be asleep, is to release it. */
export const RELEASE_AFTER_MS = PAUSE_MS;

/**
 * Standard error may be a pipe or a terminal that nobody reads any more. It is opened anew for that, because other
 * processes have the same open file.
 */
function standardErrorThatNeverWaits(): number {
  const stat = fstatSync(2);
  // Such a one cannot be opened. Whoever else has it is another process of the same service.
  if (stat.isSocket()) setNonBlocking(2, true);
  if (!stat.isFIFO() && !stat.isCharacterDevice()) return 2;
  try {
    return openSync('/proc/self/fd/2', O_WRONLY | O_APPEND | O_NOCTTY | O_NONBLOCK);
  } catch {
    return 2;
  }
}
