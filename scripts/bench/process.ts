/**
 * Child processes of the benchmark. Every one is known here until it has ended, so that `killChildren` can end
 * exactly those and no other.
 */
import { type ChildProcess, spawn } from 'node:child_process';

export interface Command {
  readonly argv: readonly string[];
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

const TIMEOUT_MS = 20 * 60_000;

const children = new Set<ChildProcess>();

/** A child with its output collected; `ended` resolves with its exit code (null after a signal). */
export interface Started {
  readonly child: ChildProcess;
  readonly output: { out: string; err: string };
  readonly ended: Promise<number | null>;
}

/** @param ownSession keeps a terminal's ctrl-C away from the child: a daemon ends when it is unmounted */
export function start(command: Command, ownSession = false): Started {
  const [file, ...args] = command.argv;
  const child = spawn(file!, args, {
    cwd: command.cwd,
    env: { ...process.env, ...command.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: ownSession,
  });
  children.add(child);
  const output = { out: '', err: '' };
  child.stdout!.on('data', (data: Buffer) => (output.out += data.toString('latin1')));
  child.stderr!.on('data', (data: Buffer) => (output.err += data.toString('latin1')));
  const ended = new Promise<number | null>((resolve) => {
    child.once('error', (error) => {
      output.err += error.message;
      children.delete(child);
      resolve(127);
    });
    child.once('exit', (code) => {
      children.delete(child);
      resolve(code);
    });
  });
  return { child, output, ended };
}

/** Runs a command to its end and returns its standard output; anything but exit 0 is an error that says why. */
export async function run(argv: readonly string[], options: Omit<Command, 'argv'> = {}): Promise<string> {
  const { child, output, ended } = start({ argv, ...options });
  const closed = new Promise((resolve) => child.once('close', resolve));
  const timer = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS);
  const code = await ended;
  clearTimeout(timer);
  if (code === 0) {
    await closed;
    return output.out;
  }
  throw new Error(`${argv.slice(0, 6).join(' ')}: exit ${code}: ${complaint(output.err || output.out)}`);
}

/** What a program that failed said, in short: the line that names the error, or else its last words. */
export function complaint(text: string): string {
  const lines = text.trim().split('\n');
  const named = lines.filter((line) => /error|cannot|failed/i.test(line) && !/^\s+at /.test(line));
  return (named.length > 0 ? named.slice(0, 2) : lines.slice(-2)).join(' | ').slice(0, 400);
}

export function killChildren(): void {
  for (const child of children) child.kill('SIGKILL');
}

export const sleep = <T = void>(ms: number, value?: T): Promise<T> =>
  new Promise((resolve) => setTimeout(() => resolve(value as T), ms));
