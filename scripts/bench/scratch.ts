/**
 * The one folder a run works in, and everything that must be gone when the run ends, however it ends.
 *
 * Invariant: everything the benchmark mounts, or lets others mount, lies in the scratch folder: what the kernel
 * shows below it is ours to unmount. The exit handler does so synchronously.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { killChildren } from './process';

export interface Scratch {
  readonly dir: string;
  /** A new empty folder in the scratch folder. */
  folder(name: string): string;
}

/** @param disk the folder to work in, or null for the tmpfs at /dev/shm */
export function openScratch(disk: string | null): Scratch {
  const dir = mkdtempSync(join(realpathSync(disk ?? '/dev/shm'), 'stratafs-bench-'));
  const end = () => {
    unmountBelow(dir);
    killChildren();
    rmSync(dir, { recursive: true, force: true });
  };
  process.once('exit', end);
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.once(signal, () => process.exit(code));
  }
  let folders = 0;
  return {
    dir,
    folder(name) {
      const path = join(dir, `${name}-${++folders}`);
      mkdirSync(path);
      return path;
    },
  };
}

/** Whether the kernel has anything mounted there; asks no daemon. */
export function isMounted(mnt: string): boolean {
  return mountpoints().includes(mnt);
}

/** Lazily, so that nothing below can keep it; the innermost first. */
export function unmountBelow(dir: string): void {
  const below = mountpoints().filter((mnt) => mnt.startsWith(`${dir}/`));
  for (const mnt of below.reverse()) spawnSync('umount', ['-l', mnt], { cwd: '/' });
}

/** In the order in which they were mounted. */
function mountpoints(): string[] {
  const lines = readFileSync('/proc/self/mountinfo', 'latin1').trimEnd().split('\n');
  return lines.map((line) => line.split(' ')[4]!);
}
