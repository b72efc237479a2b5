/**
 * st_ino in 32 bits, which is all the binding carries. Numbers below 2^31 stay as they are; a larger one gets a
 * number of its own from the upper half, for the life of the mount: two files never share one.
 */
import type { Ino } from '../base/ids';

const FIRST_OWN = 2 ** 31;
const LAST = 2 ** 32 - 1;

export class SmallInodes {
  private readonly own = new Map<Ino, number>();

  of(ino: Ino): number {
    if (ino < FIRST_OWN) return ino;
    const known = this.own.get(ino);
    if (known !== undefined) return known;
    if (FIRST_OWN + this.own.size >= LAST) throw new Error('out of 32-bit inode numbers');
    const next = FIRST_OWN + this.own.size;
    this.own.set(ino, next);
    return next;
  }
}
