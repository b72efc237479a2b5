/** Serves a mount in this process, with the log on standard error where no file was named. */
import type { ExitCode } from '../../lib/base/exit-codes';
import { createLogger } from '../../lib/base/log';
import type { MountConfig } from '../mount/config';
import { serveMount } from '../mount/session';

/** @throws UserError where it cannot be mounted */
export function serveInForeground(config: MountConfig): Promise<ExitCode> {
  const log = createLogger({ level: config.traceFuse ? 'trace' : config.logLevel, file: config.logFile });
  return serveMount(config, { log, logFile: config.logFile, ready: () => {} });
}
