/** Tells bursts of requests on an event loop, and keeps idle CPUs awake while one lasts. */
import { IdleCpus } from '../../lib/sys/idle-cpus';

/** A burst ends when no request came for one to two of these. */
const TICK_MS = 2;

export class Bursts {
  private readonly idleCpus: IdleCpus;
  private timer: NodeJS.Timeout | null = null;
  /** Requests since the last tick. */
  private came = 0;

  /** @param wanted false: leaves idle CPUs alone */
  constructor(wanted: boolean) {
    this.idleCpus = new IdleCpus(wanted);
  }

  /** A request came. */
  readonly request = (): void => {
    this.came++;
    this.timer ??= setInterval(() => this.tick(), TICK_MS);
  };

  end(): void {
    this.rest();
    this.idleCpus.close();
  }

  private tick(): void {
    if (this.came > 1) this.idleCpus.keepAwake();
    if (this.came === 0) this.rest();
    this.came = 0;
  }

  private rest(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    this.idleCpus.letHalt();
  }
}
