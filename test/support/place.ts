/**
 * Where commands run: on the host as root, or inside a user and mount namespace of an ordinary user. Every process
 * the tests start is started here and waited for or killed by its own id.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Finished } from './operations';

/** The outside identity of the rootless tests' user. */
const ORDINARY_USER = 1000;

export interface Place {
  /** Whose /proc/PID/mountinfo shows this place's mounts. */
  readonly pid: number | 'self';
  /** What to run on the host so that `argv` runs here. */
  command(argv: readonly string[]): string[];
  /** The host's user id that owns files made here. */
  readonly owner: number;
  close(): Promise<void>;
}

export const host: Place = {
  pid: 'self',
  command: (argv) => [...argv],
  owner: 0,
  close: () => Promise.resolve(),
};

/** A user namespace as `unshare -Urm` makes it for an ordinary user: one user, who is root inside. */
export async function enterNamespace(): Promise<Place> {
  const ids = ['--reuid', `${ORDINARY_USER}`, '--regid', `${ORDINARY_USER}`, '--clear-groups'];
  const inside = ['unshare', '-Urm', '--propagation', 'private', 'sh', '-c', 'echo ready; exec cat'];
  const anchor = start(['setpriv', ...ids, ...inside]);
  await new Promise<void>((resolve, reject) => {
    anchor.stdout!.once('data', () => resolve());
    anchor.once('exit', () => reject(new Error('no user namespaces here: unshare -Urm failed')));
  });
  const enter = ['nsenter', '-t', `${anchor.pid}`, '-U', '-m', '-S', '0', '-G', '0'];
  return {
    pid: anchor.pid!,
    command: (argv) => [...enter, ...argv],
    owner: ORDINARY_USER,
    close: async () => {
      anchor.stdin!.end();
      await ended(anchor);
    },
  };
}

/** A new directory for one stack, on tmpfs or wherever STRATAFS_SCRATCH says. */
export function makeScratch(place: Place): string {
  const scratch = mkdtempSync(join(process.env.STRATAFS_SCRATCH ?? '/dev/shm', 'stratafs-test-'));
  chmodSync(scratch, 0o755);
  chownSync(scratch, place.owner, place.owner);
  return scratch;
}

/** Starts a process as the leader of its own group, so that it can be killed with what it started. */
export function start(argv: readonly string[]): ChildProcess {
  const child = spawn(argv[0]!, argv.slice(1), { detached: true });
  child.stdin!.on('error', () => undefined);
  return child;
}

export function kill(child: ChildProcess): void {
  try {
    process.kill(-child.pid!, 'SIGKILL');
  } catch {
    // It is gone already.
  }
}

/** Waits for a process that was told to end; kills it when it does not. Its exit code, or null when killed. */
export async function ended(child: ChildProcess, seconds = 15): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const timer = setTimeout(() => kill(child), seconds * 1000);
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  clearTimeout(timer);
  return code;
}

/** Runs a command in a directory of a place. */
export async function execute(
  place: Place,
  argv: readonly string[],
  directory = '/',
  seconds = 30,
): Promise<Finished> {
  const child = start(place.command(['sh', '-c', 'cd "$0" && exec "$@"', directory, ...argv]));
  let out = '';
  let err = '';
  child.stdout!.setEncoding('latin1').on('data', (text: string) => (out += text));
  child.stderr!.setEncoding('latin1').on('data', (text: string) => (err += text));
  const closed = new Promise((resolve) => child.once('close', resolve));
  const status = await ended(child, seconds);
  if (status !== null) await closed;
  return { status: status ?? -1, out, err: status === null ? `killed after ${seconds} s: ${err}` : err };
}

/** As execute, but failing is an error. */
export async function mustRun(place: Place, argv: readonly string[], directory = '/'): Promise<string> {
  const { status, out, err } = await execute(place, argv, directory);
  if (status !== 0) throw new Error(`${argv.join(' ')}: exit ${status}: ${err}`);
  return out;
}

export function isMounted(place: Place, mountpoint: string): boolean {
  const mounts = readFileSync(`/proc/${place.pid}/mountinfo`, 'latin1');
  return mounts.includes(` ${mountpoint} `);
}
