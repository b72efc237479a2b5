/** Which directories' fingerprints can be trusted to change with the directory. */
import type { Fingerprint } from './listing';

/** Longer than a tick of the kernel's clock (at most 10 ms), which is how fine a ctime may be. */
const FINE_MS = 50;
/** Longer than the ctimes of file systems that keep whole seconds (or, as FAT, two). */
const COARSE_MS = 2500;

/**
 * Whether any later change of these directories must give them another ctime. A directory that changed just now
 * may change again within the same tick of its clock, and would look the same.
 */
export function areSettled(fingerprints: readonly Fingerprint[], nowMs: number): boolean {
  for (const { ctimeSec, ctimeNs } of fingerprints) {
    const age = nowMs - (ctimeSec * 1000 + ctimeNs / 1e6);
    if (age < (ctimeNs === 0 ? COARSE_MS : FINE_MS)) return false;
  }
  return true;
}
