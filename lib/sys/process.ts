/** Other processes, as /proc shows them. */
import { readFileSync } from 'node:fs';

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
