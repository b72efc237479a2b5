/** Runs index-mount.js: whole mounts' worth of index use, in processes of their own. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Outcome } from './index-mount';

const PROGRAM = join(__dirname, 'index-mount.js');
const ROOT = process.getuid?.() === 0;

export interface Run {
  outcome: Outcome;
  /** The messages that were logged. */
  log: string[];
}

/** A directory that is gone after the test. */
export class Scratch {
  readonly path = mkdtempSync(join(tmpdir(), 'stratafs-index-'));

  in(name: string): string {
    return join(this.path, name);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

function messages(file: string): string[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line).msg);
}

/** One mount. Throws where the process does not end as it should. */
export function runMount(scratch: Scratch, folder: string, identity = 'stack'): Run {
  return runAs([process.execPath], scratch, folder, identity);
}

/**
 * One mount in a mount namespace of its own, after the shell commands `before`; what they mount is gone with it.
 * `$1` is the folder.
 */
export function runMountAfter(before: string, scratch: Scratch, folder: string): Run {
  const unshare = ROOT ? ['unshare', '-m'] : ['unshare', '-Urm'];
  const script = `set -e; ${before}; folder=$1; shift; exec "$@"`;
  return runAs([...unshare, 'sh', '-c', script, 'sh', folder, process.execPath], scratch, folder, 'stack');
}

function runAs(prefix: string[], scratch: Scratch, folder: string, identity: string): Run {
  const logFile = scratch.in('log');
  rmSync(logFile, { force: true });
  const [command, ...args] = [...prefix, PROGRAM, logFile, identity, 'end', folder];
  const child = spawnSync(command!, args, { encoding: 'utf8', timeout: 20_000 });
  if (child.status !== 0) throw new Error(`ended with ${child.status ?? child.signal}: ${child.stderr}`);
  return { outcome: JSON.parse(child.stdout), log: messages(logFile) };
}

/** A mount that has written everything and goes on. To be killed by the caller. */
export async function holdMount(scratch: Scratch, folder: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [PROGRAM, scratch.in('hold.log'), 'stack', 'hold', folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
  await new Promise((resolve, reject) => {
    child.stdout!.once('data', resolve);
    child.once('exit', (code) => reject(new Error(`ended with ${code}`)));
  });
  clearTimeout(timer);
  return child;
}

/** SIGKILL, and the end of the process. */
export async function kill(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}
