/** The process of a detached mount: talks with the command that started it (detached-talk.ts), and serves. */
import { rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { UserError } from '../../lib/base/errors';
import { EXIT, type ExitCode } from '../../lib/base/exit-codes';
import { createLogger } from '../../lib/base/log';
import { type DetachedReport, type DetachedStart, REPORT_FD } from './detached-talk';
import { serveMount } from './session';

export async function serveDetached(): Promise<ExitCode> {
  const socket = new Socket({ fd: REPORT_FD, readable: true, writable: true });
  const { config, logFile, removeLog } = await readStart(socket);
  const log = createLogger({ level: config.traceFuse ? 'trace' : config.logLevel, file: logFile });
  const abandonment = new AbortController();
  const abandon = (): void => abandonment.abort();
  socket.once('close', abandon);
  const report = (message: DetachedReport): void => {
    socket.off('close', abandon);
    socket.end(`${JSON.stringify(message)}\n`, () => socket.destroy());
  };
  try {
    const code = await serveMount(config, {
      log,
      logFile,
      ready: () => report({ ready: true }),
      abandoned: abandonment.signal,
    });
    if (removeLog) rmSync(logFile, { force: true });
    return code;
  } catch (error) {
    if (!(error instanceof UserError)) {
      log.fatal({ err: error }, 'could not serve');
      return EXIT.FAILURE;
    }
    await new Promise<void>((resolve) => {
      socket.once('close', resolve);
      report({ ready: false, error: error.toJSON() });
    });
    if (removeLog) rmSync(logFile, { force: true });
    return error.exitCode;
  }
}

function readStart(socket: Socket): Promise<DetachedStart> {
  return new Promise((resolve, reject) => {
    let text = '';
    socket.setEncoding('utf8');
    socket.once('error', reject);
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (text.endsWith('\n')) resolve(JSON.parse(text) as DetachedStart);
    });
    socket.once('end', () => reject(new Error('the starting command went away')));
  });
}
