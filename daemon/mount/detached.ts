/** The process of a detached mount: talks with the command that started it (detached-talk.ts), and serves. */
import { Socket } from 'node:net';
import { UserError } from '../../lib/base/errors';
import { EXIT, type ExitCode } from '../../lib/base/exit-codes';
import { removeLogFile } from '../../lib/base/log-file';
import { type DetachedReport, type DetachedStart, REPORT_FD } from './detached-talk';
import { MountLog } from './mount-log';
import { serveMount } from './session';

export async function serveDetached(): Promise<ExitCode> {
  const socket = new Socket({ fd: REPORT_FD, readable: true, writable: true });
  const { config, logFile, removeLog } = await readStart(socket);
  const mountLog = new MountLog(config, logFile, true);
  const abandonment = new AbortController();
  const abandon = (): void => abandonment.abort();
  socket.once('close', abandon);
  const report = (message: DetachedReport): void => {
    socket.off('close', abandon);
    socket.end(`${JSON.stringify(message)}\n`, () => socket.destroy());
  };
  try {
    const code = await serveMount(config, {
      mountLog,
      ready: () => report({ ready: true }),
      abandoned: abandonment.signal,
    });
    if (removeLog) removeLogFile(logFile);
    return code;
  } catch (error) {
    if (!(error instanceof UserError)) {
      mountLog.log.fatal({ err: error }, 'could not serve');
      return EXIT.FAILURE;
    }
    await new Promise<void>((resolve) => {
      socket.once('close', resolve);
      report({ ready: false, error: error.toJSON() });
    });
    if (removeLog) removeLogFile(logFile);
    return error.exitCode;
  } finally {
    await mountLog.end();
  }
}

function readStart(socket: Socket): Promise<DetachedStart> {
  return new Promise((resolve, reject) => {
    let text = '';
    socket.setEncoding('utf8');
    socket.once('error', reject);
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (!text.endsWith('\n')) return;
      try {
        resolve(JSON.parse(text) as DetachedStart);
      } catch (error) {
        reject(error);
      }
    });
    socket.once('end', () => reject(new Error('the starting command went away')));
  });
}
