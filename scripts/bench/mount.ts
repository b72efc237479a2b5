/** One mount of one target: made, waited for, measured, and always taken down again. */
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Command, complaint, run, type Started, sleep, start } from './process';
import { isMounted } from './scratch';

export interface Mounted {
  /** From the start of the mount command to the first answer of the mounted root. */
  readonly readyMs: number;
  /** The serving process, or null for a mount in the kernel or one that put itself into the background. */
  readonly pid: number | null;
  /** What a daemon that ended before its unmount said, or ''. */
  lastWords(): string;
  close(): Promise<void>;
}

const READY_MS = 30_000;
const EXIT_MS = 15_000;
/** No run takes as long: whoever still waits for a daemon then (unionfs-fuse has deadlocked) gets an error instead. */
const LIFE_MS = 10 * 60_000;

/**
 * Mounts with a command that returns when the mount is usable (or, for libfuse's daemons, when it is made: the
 * root's first answer is waited for, too).
 */
export async function mountAndReturn(command: Command, mnt: string): Promise<Mounted> {
  const from = performance.now();
  await run(command.argv, command);
  await answer(mnt, null);
  return { readyMs: performance.now() - from, pid: null, lastWords: () => '', close: () => unmount(mnt) };
}

/** Mounts with a command that stays in the foreground and serves. */
export async function mountAndServe(command: Command, mnt: string): Promise<Mounted> {
  const from = performance.now();
  const daemon = start(command, true);
  try {
    await answer(mnt, daemon);
  } catch (error) {
    await unmount(mnt);
    daemon.child.kill('SIGKILL');
    throw error;
  }
  const watchdog = setTimeout(() => daemon.child.kill('SIGKILL'), LIFE_MS);
  return {
    readyMs: performance.now() - from,
    pid: daemon.child.pid!,
    lastWords: () => obituary(daemon),
    async close() {
      clearTimeout(watchdog);
      await unmount(mnt);
      const timeout = sleep(EXIT_MS).then(() => 'late' as const);
      if ((await Promise.race([daemon.ended, timeout])) !== 'late') return;
      daemon.child.kill('SIGKILL');
      throw new Error(`the daemon was still there ${EXIT_MS / 1000} s after its unmount`);
    },
  };
}

async function answer(mnt: string, daemon: Started | null): Promise<void> {
  const { dev } = await stat(dirname(mnt));
  const deadline = performance.now() + READY_MS;
  while (performance.now() < deadline) {
    if (daemon && obituary(daemon)) break;
    const left = deadline - performance.now();
    const seen = await Promise.race([stat(mnt).catch(() => null), sleep(left, null)]);
    if (seen && seen.dev !== dev) return;
    await sleep(1);
  }
  throw new Error((daemon && obituary(daemon)) || `not mounted in ${READY_MS / 1000} s`);
}

function obituary({ child, output }: Started): string {
  const end = child.exitCode ?? child.signalCode;
  return end === null ? '' : `the daemon ended with ${end}: ${complaint(output.err || output.out)}`;
}

async function unmount(mnt: string): Promise<void> {
  for (let attempt = 0; isMounted(mnt); attempt++) {
    const lazily = attempt >= 20;
    await run(['umount', ...(lazily ? ['-l'] : []), mnt]).catch(() => sleep(100));
    if (attempt > 25) throw new Error(`${mnt} cannot be unmounted`);
  }
}
