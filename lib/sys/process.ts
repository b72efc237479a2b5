/** Other processes, as /proc shows them. */
import { readFileSync, readlinkSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Count, EAGAIN, ENOENT } from '../base/errno';

const SIGKILL = 9;
const SIGKILL_BIT = 1n << BigInt(SIGKILL - 1);

/** Is the thread about to die? The kernel turns every fatal signal into SIGKILL. False where /proc does not show it. */
export function isKilled(thread: number): boolean {
  try {
    const pending = /^SigPnd:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${thread}/status`, 'latin1'));
    return pending !== null && (BigInt(`0x${pending[1]}`) & SIGKILL_BIT) !== 0n;
  } catch {
    return false;
  }
}

let ownProc: boolean | null = null;

/** Does /proc number threads as this process does? With several numbers it belongs to an outer pid namespace. */
function procIsOwn(): boolean {
  ownProc ??= new RegExp(`^NSpid:\\s*${process.pid}$`, 'm').test(readFileSync('/proc/self/status', 'latin1'));
  return ownProc;
}

const TRIES = 100;
const PAUSE_MS = 5;

/**
 * The number of the system call that a thread waits in, or -errno where /proc does not show it. The thread is about to
 * sleep: the kernel does not tell before it does, and lets the reader wait. So this is no work for a serving thread.
 */
export async function systemCallOf(thread: number): Promise<Count> {
  try {
    for (let tries = 0; thread > 0 && procIsOwn() && tries < TRIES; tries++) {
      const shown = /^-?\d+/.exec(await readFile(`/proc/${thread}/syscall`, 'latin1'));
      if (shown !== null) return Math.max(Number(shown[0]), 0);
      await sleep(PAUSE_MS);
    }
    return thread > 0 ? -EAGAIN : -ENOENT;
  } catch (error) {
    return -Math.abs((error as { errno?: number }).errno ?? EAGAIN);
  }
}

/** The x32 variants of x86-64's system calls. */
const X32 = 0x40000000;
/** chown, fchown, lchown, fchownat of the architecture itself, and all of them of its 32-bit programs. */
const CHOWNS: ReadonlySet<number> = new Set(
  process.arch === 'arm64'
    ? [55, 54, 16, 95, 182, 198, 207, 212, 325]
    : [92, 93, 94, 260, 16, 95, 182, 198, 207, 212, 298],
);

/** Is a system call of this number chown(2) or one of its kin? No other of these numbers writes to a file. */
export function isChown(systemCall: number): boolean {
  return CHOWNS.has(systemCall & ~X32);
}

export const CAP_FOWNER = 3;
export const CAP_FSETID = 4;
/** PROC_USER_INIT_INO of linux/proc_ns.h: the user namespace that the machine started with. */
const INITIAL_USER_NAMESPACE = 'user:[4026531837]';
const OWN_USER_NAMESPACE = readlinkSync('/proc/self/ns/user');

/** What a thread may do. */
export interface Credentials {
  /** Supplementary ones. */
  readonly groups: ReadonlySet<number>;
  /** In the initial user namespace: capable(). */
  has(capability: number): boolean;
  /** In a user namespace that has the owner and group of a file: capable_wrt_inode_uidgid(). */
  hasFor(capability: number, uid: number, gid: number): boolean;
}

/**
 * The credentials of a thread that acts with this user and group id; null where /proc does not show it, or shows
 * others: then it acts for somebody else (a file system on top of this one does).
 */
export function credentialsOf(thread: number, uid: number, gid: number): Credentials | null {
  try {
    if (thread <= 0 || !procIsOwn()) return null;
    const status = readFileSync(`/proc/${thread}/status`, 'latin1');
    const field = (name: string): number[] =>
      (new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1]?.match(/\d+/g) ?? []).map(Number);
    if (field('Uid')[3] !== uid || field('Gid')[3] !== gid) return null;
    const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)![1]}`);
    const namespace = readlinkSync(`/proc/${thread}/ns/user`);
    const initial = namespace === INITIAL_USER_NAMESPACE;
    const holds = (capability: number): boolean => ((effective >> BigInt(capability)) & 1n) === 1n;
    return {
      groups: new Set(field('Groups')),
      has: (capability) => initial && holds(capability),
      hasFor: (capability, owner, group) =>
        holds(capability) &&
        (namespace === OWN_USER_NAMESPACE || (maps(thread, 'uid', owner) && maps(thread, 'gid', group))),
    };
  } catch {
    return null;
  }
}

/** Does the thread's user namespace have this id? Seen from here, as /proc shows a map to another namespace. */
function maps(thread: number, kind: 'uid' | 'gid', id: number): boolean {
  const map = readFileSync(`/proc/${thread}/${kind}_map`, 'latin1').trim();
  return map.split('\n').some((line) => {
    const [, outside = 0, count = 0] = line.trim().split(/\s+/).map(Number);
    return id >= outside && id < outside + count;
  });
}
