/** Processes, told apart even when a number is used again: pid and start time. */
import { readFileSync } from 'node:fs';

export interface ProcessId {
  readonly pid: number;
  /** Clock ticks after boot, from /proc/PID/stat. */
  readonly startTime: number;
}

/**
 * When a process started, or null where there is none. A zombie has ended too, unless it still has threads: those
 * may hold its files.
 */
export function startTimeOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, threads, startTime] = [fields[0], Number(fields[17]), Number(fields[19])];
    return (state === 'Z' || state === 'X') && threads <= 1 ? null : startTime;
  } catch {
    return null;
  }
}

export function isAlive({ pid, startTime }: ProcessId): boolean {
  return startTimeOf(pid) === startTime;
}
