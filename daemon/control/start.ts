/** Starts the process of a detached mount and waits until the mount can be used. */
import { spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { type ByteString, bytesFromText, shown } from '../../lib/base/bytes';
import { UserError } from '../../lib/base/errors';
import { EXIT } from '../../lib/base/exit-codes';
import { openLogFile, removeLogFile } from '../../lib/base/log-file';
import type { MountConfig, StackConfig } from '../mount/config';
import { type DetachedStart, parseReport, REPORT_FD, SERVE_WORD } from '../mount/detached-talk';
import { startTimeOf } from '../mount/process-id';
import { runtimeFile } from '../mount/runtime-dir';

export type { MountConfig, StackConfig };

const MAIN = join(__dirname, '../main.js');

/** @throws UserError, from here or from the mount's process */
export async function startDetached(config: MountConfig): Promise<void> {
  const own = bytesFromText(runtimeFile({ pid: process.pid, startTime: startTimeOf(process.pid)! }, 'log'));
  const start: DetachedStart = {
    config,
    logFile: config.logFile ?? own,
    removeLog: config.logFile === null,
  };
  const log = openLogFile(start.logFile).fd;
  const child = spawn(process.execPath, [MAIN, SERVE_WORD], {
    detached: true,
    cwd: '/',
    stdio: ['ignore', log, log, 'pipe'],
  });
  closeSync(log);
  const socket = child.stdio[REPORT_FD] as Duplex;
  const died = new Promise<never>((_resolve, reject) => {
    child.once('error', reject);
    // `close` comes after the end of the socket, so a report that was sent has been read by then.
    child.once('close', (code, signal) => reject(crashed(signal ?? `exit code ${code}`, start.logFile)));
  });
  socket.write(`${JSON.stringify(start)}\n`);
  const report = await Promise.race([readReport(socket), died]);
  if (report === null) throw crashed('what it said cannot be understood', start.logFile);
  if (report.error !== null) {
    if (start.removeLog) removeLogFile(start.logFile);
    throw report.error;
  }
  socket.destroy();
  child.unref();
}

function crashed(how: string, logFile: ByteString): UserError {
  return new UserError(
    'crashed',
    `the mount's process ended before it was ready (${how})`,
    `the cause is in ${shown(logFile)}`,
    EXIT.FAILURE,
  );
}

function readReport(socket: Duplex): Promise<ReturnType<typeof parseReport>> {
  return new Promise((resolve) => {
    let text = '';
    socket.setEncoding('utf8');
    socket.on('error', () => {});
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (text.endsWith('\n')) resolve(parseReport(text));
    });
  });
}
