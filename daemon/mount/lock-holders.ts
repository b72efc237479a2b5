/**
 * Who holds an flock(2) on a directory. Anyone who may read a directory can lock it, so a lock alone says nothing:
 * that of an ordinary user who is neither us nor the directory's owner does not count.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { type ByteString, shown } from '../../lib/base/bytes';
import type { Stat } from '../../lib/sys/stat';
import { orEmpty } from './holders';

export interface LockHolder {
  readonly pid: number;
  /** The real user: a stranger can hand a lock to a set-user-ID program. */
  readonly uid: number;
  /** For people. */
  readonly name: string;
}

/** How a user that our user namespace has no number for is shown: it may be the machine's root. */
const OVERFLOW_UID = 65534;

/** The lines of /proc/locks, or of `lock:` in a process's fdinfo, that are about this file: the fields after ADVISORY. */
function pidsIn(text: string, { devMajor, devMinor, ino }: Stat): number[] {
  const hex = (number: number): string => number.toString(16).padStart(2, '0');
  const file = `${hex(devMajor)}:${hex(devMinor)}:${ino}`;
  return [...text.matchAll(/: FLOCK +ADVISORY +\w+ (\d+) (\S+) /g)]
    .filter(([, , locked]) => locked === file)
    .map(([, pid]) => Number(pid));
}

/** The processes that have the lock's open file, as far as we may see them: not those that took it and are gone. */
function holdingProcesses(file: Stat): number[] {
  const holds = (pid: string): boolean =>
    orEmpty(() => readdirSync(`/proc/${pid}/fdinfo`)).some((fd) =>
      orEmpty(() => [readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'latin1')]).some(
        (text) => pidsIn(text, file).length > 0,
      ),
    );
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && holds(name))
    .map(Number);
}

function describe(pid: number): LockHolder[] {
  return orEmpty(() => {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    const uid = Number(/^Uid:\s*(\d+)/m.exec(status)![1]);
    const name = shown((/^Name:\t(.*)$/m.exec(status)?.[1] ?? '') as ByteString);
    return [{ pid, uid, name: `${name} (pid ${pid})` }];
  });
}

/** The holders that can be found; none where they hide, or are in another process namespace. */
export function lockHolders(file: Stat): LockHolder[] {
  const holding = holdingProcesses(file);
  const pids =
    holding.length > 0 ? holding : orEmpty(() => pidsIn(readFileSync('/proc/locks', 'latin1'), file));
  return pids.flatMap(describe);
}

/** Is the lock of this holder on a directory of `owner` no concern of ours? */
export function isStranger({ uid }: LockHolder, owner: number): boolean {
  return uid !== 0 && uid !== process.geteuid!() && uid !== owner && uid !== OVERFLOW_UID;
}
