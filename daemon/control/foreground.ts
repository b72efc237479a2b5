/** Serves a mount in this process, with the log on standard error where no file was named. */
import type { ExitCode } from '../../lib/base/exit-codes';
import type { MountConfig } from '../mount/config';
import { MountLog } from '../mount/mount-log';
import { serveMount } from '../mount/session';

/** @throws UserError where it cannot be mounted */
export async function serveInForeground(config: MountConfig): Promise<ExitCode> {
  const mountLog = new MountLog(config, config.logFile, false);
  try {
    return await serveMount(config, { mountLog, ready: () => {} });
  } finally {
    await mountLog.end();
  }
}
