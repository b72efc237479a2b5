/** Starts the process of a detached mount and waits until the mount can be used. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { UserError } from '../../lib/base/errors';
import { EXIT } from '../../lib/base/exit-codes';
import type { MountConfig, StackConfig } from '../mount/config';
import { type DetachedReport, type DetachedStart, REPORT_FD, SERVE_WORD } from '../mount/detached-talk';
import { startTimeOf } from '../mount/process-id';
import { runtimeFile } from '../mount/runtime-dir';

export type { MountConfig, StackConfig };

const MAIN = join(__dirname, '../main.js');

/** @throws UserError, from here or from the mount's process */
export async function startDetached(config: MountConfig): Promise<void> {
  const own = runtimeFile({ pid: process.pid, startTime: startTimeOf(process.pid)! }, 'log');
  const start: DetachedStart = {
    config,
    logFile: config.logFile ?? own,
    removeLog: config.logFile === null,
  };
  const log = openLog(start.logFile);
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
  if (!report.ready) {
    if (start.removeLog) rmSync(start.logFile, { force: true });
    throw UserError.fromJSON(report.error as UserError);
  }
  socket.destroy();
  child.unref();
}

function openLog(path: string): number {
  try {
    return openSync(path, 'a', 0o600);
  } catch (error) {
    throw new UserError(
      'log-file',
      `cannot write the log file ${path}: ${(error as NodeJS.ErrnoException).code}`,
      '',
      EXIT.USAGE,
    );
  }
}

function crashed(how: string, logFile: string): UserError {
  return new UserError(
    'crashed',
    `the mount's process ended before it was ready (${how})`,
    `the cause is in ${logFile}`,
    EXIT.FAILURE,
  );
}

function readReport(socket: Duplex): Promise<DetachedReport> {
  return new Promise((resolve) => {
    let text = '';
    socket.setEncoding('utf8');
    socket.on('error', () => {});
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (text.endsWith('\n')) resolve(JSON.parse(text) as DetachedReport);
    });
  });
}
