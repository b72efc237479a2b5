/** What serves a mount, as the session sees it: a thread of its own, or this thread's event loop. */
export interface Serving {
  /** Settles when the mount is made; rejects with a UserError where it was refused. */
  readonly mounted: Promise<void>;
  /** Settles when nothing is served any more, or ever was; rejects with the cause where serving crashed. */
  readonly ended: Promise<void>;
  /** The transport that serves, or is about to. */
  readonly transport: 'kernel' | 'fuse-native';
  /** The union's counters; never settles after the end. */
  counters(): Promise<Record<string, number>>;
  /** Ends serving whether or not the mount is still there: callers in it get ENOTCONN. */
  stop(): void;
}

/** One that serves, or another where the first is refused for a reason that does not concern the other. */
export class FallbackServing implements Serving {
  readonly mounted: Promise<void>;
  readonly ended: Promise<void>;

  /** Changed once, when the first has been refused. */
  private current: Serving;

  /** @param instead gives the other, once the first has ended; null where the refusal stands */
  constructor(first: Serving, instead: (refusal: Error) => Promise<Serving> | null) {
    this.current = first;
    const chosen = first.mounted.then(
      () => first,
      async (refusal: Error) => {
        await first.ended;
        const other = await instead(refusal);
        if (other === null) throw refusal;
        this.current = other;
        return other;
      },
    );
    this.mounted = chosen.then((serving) => serving.mounted);
    this.ended = chosen.then(
      (serving) => serving.ended,
      () => first.ended,
    );
  }

  get transport(): Serving['transport'] {
    return this.current.transport;
  }

  counters(): Promise<Record<string, number>> {
    return this.current.counters();
  }

  stop(): void {
    this.current.stop();
  }
}
