/** A process without descriptors to be had: the soft limit of open files is lowered, and put back. */
import koffi from 'koffi';

const RLIMIT_NOFILE = 7;
const prlimit = koffi.load('libc.so.6').func('int prlimit(int, int, const void *, void *)');

/** Sets the soft limit of a process (0: this one), and returns what it was. */
export function limitDescriptors(pid: number, soft: number): number {
  const limit = Buffer.alloc(16);
  if (prlimit(pid, RLIMIT_NOFILE, null, limit) !== 0) throw new Error(`no limit of ${pid} is told`);
  const before = Number(limit.readBigUInt64LE(0));
  limit.writeBigUInt64LE(BigInt(soft), 0);
  if (prlimit(pid, RLIMIT_NOFILE, limit, null) !== 0) throw new Error(`the limit of ${pid} stays`);
  return before;
}

/** Runs something during which this process can open nothing. */
export function withoutDescriptors<T>(work: () => T): T {
  const before = limitDescriptors(0, 3);
  try {
    return work();
  } finally {
    limitDescriptors(0, before);
  }
}
