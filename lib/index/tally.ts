/** Counters that the serving thread and the main thread share. One slot, one meaning; every slot starts at 0. */

const SLOTS = [
  /** Records asked for and found whole. */
  'hits',
  /** Records asked for and not there. */
  'misses',
  /** Records found damaged, or that LevelDB failed to read. */
  'damaged',
  /** Records put. Each is then counted once more: written, unsettled, dropped or lost. */
  'puts',
  /** Not kept because a directory had changed a moment ago: see settled.ts. */
  'unsettled',
  /** Not kept because too much was waiting, or the record is too large. */
  'dropped',
  /** Written to LevelDB. */
  'written',
  /** Not kept because writing failed. */
  'lost',
] as const;

export type Counter = (typeof SLOTS)[number];

const SLOT = Object.fromEntries(SLOTS.map((name, slot) => [name, slot])) as Record<Counter, number>;
const WAITING = SLOTS.length;
const STOPPED = WAITING + 1;
const TOLD = STOPPED + 1;
const ATTACHED = TOLD + 1;
const SIZE = ATTACHED + 1;

export class Tally {
  private readonly slots: Int32Array;

  /** @param memory of another thread's tally, to share it */
  constructor(readonly memory = new SharedArrayBuffer(SIZE * 4)) {
    this.slots = new Int32Array(memory);
  }

  add(counter: Counter, count = 1): void {
    Atomics.add(this.slots, SLOT[counter], count);
  }

  of(counter: Counter): number {
    return Atomics.load(this.slots, SLOT[counter]);
  }

  /** Bytes that were handed over and are not written yet. */
  get waiting(): number {
    return Atomics.load(this.slots, WAITING);
  }

  addWaiting(bytes: number): void {
    Atomics.add(this.slots, WAITING, bytes);
  }

  /** Writing has failed: nothing more is to be handed over. Never goes back. */
  get stopped(): boolean {
    return Atomics.load(this.slots, STOPPED) !== 0;
  }

  stop(): void {
    Atomics.store(this.slots, STOPPED, 1);
  }

  /** The serving thread has begun to open its handle of the database. Never goes back. */
  get attached(): boolean {
    return Atomics.load(this.slots, ATTACHED) !== 0;
  }

  attach(): void {
    Atomics.store(this.slots, ATTACHED, 1);
  }

  /** True for the first caller on any thread: the one who logs what is wrong. */
  tellsFirst(): boolean {
    return Atomics.exchange(this.slots, TOLD, 1) === 0;
  }

  toJSON(): Record<Counter, number> {
    return Object.fromEntries(SLOTS.map((name) => [name, this.of(name)])) as Record<Counter, number>;
  }
}
