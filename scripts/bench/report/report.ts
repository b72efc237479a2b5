/** The result of one run: what the JSON file holds, and what table and chart are drawn from. Format version 1. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import type { Goal } from '../workloads/workload';

export interface Row {
  readonly row: string;
  readonly unit: 'ms' | 'MiB' | '% CPU' | '×';
  readonly goal?: Goal;
  /** By target; one sample per round. */
  readonly samples: Record<string, number[]>;
}

export interface Report {
  readonly version: 1;
  readonly suite: string;
  readonly date: string;
  /** The command line that makes this report again. */
  readonly command: string;
  readonly rounds: number;
  readonly quick: boolean;
  readonly scratch: string;
  readonly host: Record<string, string>;
  readonly targets: readonly { name: string; ours: boolean }[];
  readonly rows: readonly Row[];
  /** What was left out and why, one line each. */
  readonly skipped: readonly string[];
  /** What went wrong: such a cell has no value. */
  readonly failures: readonly { row: string; target: string; why: string }[];
  readonly notes: readonly string[];
}

export const FUSE_PEER = 'fuse-overlayfs';
export const KERNEL_PEER = 'overlayfs';

export function median(samples: readonly number[] | undefined): number | undefined {
  if (!samples?.length) return undefined;
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** What the figures depend on besides the code. */
export function describeHost(): Record<string, string> {
  const memory = /MemTotal:\s+(\d+)/.exec(readFileSync('/proc/meminfo', 'latin1'));
  return {
    kernel: release(),
    cpu: `${cpus().length} × ${cpus()[0]?.model.trim()}`,
    memory: `${Math.round(Number(memory?.[1]) / 2 ** 20)} GiB`,
    node: process.version,
    'fuse-overlayfs': version('fuse-overlayfs', /fuse-overlayfs: version (\S+)/),
    'unionfs-fuse': version('unionfs', /unionfs-fuse version: (\S+)/),
  };
}

function version(program: string, pattern: RegExp): string {
  try {
    const text = execFileSync(program, ['--version'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return pattern.exec(text)?.[1] ?? 'unknown';
  } catch {
    return 'not installed';
  }
}
