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
    return parseStartTime(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return null;
  }
}

/** From the line of /proc/PID/stat; the process's name in it may be anything, but for its last parenthesis. */
export function parseStartTime(stat: string): number | null {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, threads, startTime] = [fields[0], Number(fields[17]), Number(fields[19])];
  if (!Number.isSafeInteger(startTime)) return null;
  return (state === 'Z' || state === 'X') && threads <= 1 ? null : startTime;
}

export function isAlive({ pid, startTime }: ProcessId): boolean {
  return startTimeOf(pid) === startTime;
}
