/**
 * How often a line of one kind may be written. Whoever looks up a name can cause a line, ten thousand times a second;
 * the log must neither fill a disk nor cost the others' time.
 *
 * - A kind is a line's message without its fields. Each may come BURST times, and then once a second.
 * - Nothing is lost in silence: of what is held back the last line is written as soon as a second has passed, and says
 *   how many more like it there were.
 * - What is kept is bounded: beyond MAX_KINDS, messages share one kind.
 */
const BURST = 10;
const MAX_KINDS = 64;
export const PAUSE_MS = 1000;

/** Writes a line that stands for `more` others too. */
export type WriteLine = (more: number) => void;

interface Kind {
  /** Lines that may be written at once. */
  credit: number;
  /** When `credit` was last counted, in ms. */
  since: number;
  held: number;
  /** The last of those held. */
  last: WriteLine | null;
}

export class LineLimit {
  private readonly kinds = new Map<string, Kind>();
  private asked = false;

  /**
   * @param whenHeld called when a line is held back: `release` is to be called PAUSE_MS later, and at the end
   * @param now in ms, growing
   */
  constructor(
    private readonly whenHeld: () => void,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Writes a line, or holds it back. */
  submit(message: string, write: WriteLine): void {
    const kind = this.kindOf(message);
    if (this.mayWrite(kind)) this.write(kind, write);
    else {
      kind.held++;
      kind.last = write;
      if (this.asked) return;
      this.asked = true;
      this.whenHeld();
    }
  }

  /** Writes what was held back, where a second has passed; with `all`, at once. */
  release(all = false): void {
    this.asked = false;
    for (const kind of this.kinds.values()) {
      if (kind.last === null) continue;
      if (all || this.mayWrite(kind)) {
        kind.held--;
        this.write(kind, kind.last);
      } else if (!this.asked) {
        this.asked = true;
        this.whenHeld();
      }
    }
  }

  private write(kind: Kind, write: WriteLine): void {
    const more = kind.held;
    kind.held = 0;
    kind.last = null;
    kind.credit = Math.max(0, kind.credit - 1);
    write(more);
  }

  private mayWrite(kind: Kind): boolean {
    const now = this.now();
    const earned = Math.floor((now - kind.since) / PAUSE_MS);
    kind.credit = Math.min(BURST, kind.credit + earned);
    kind.since = kind.credit === BURST ? now : kind.since + earned * PAUSE_MS;
    return kind.credit > 0;
  }

  private kindOf(message: string): Kind {
    const key = this.kinds.has(message) || this.kinds.size < MAX_KINDS ? message : '';
    let kind = this.kinds.get(key);
    if (kind === undefined) {
      kind = { credit: BURST, since: this.now(), held: 0, last: null };
      this.kinds.set(key, kind);
    }
    return kind;
  }
}
