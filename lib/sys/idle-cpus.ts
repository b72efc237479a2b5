/**
 * Keeps idle CPUs from halting, through PM QoS (Documentation/power/pm_qos_interface.rst): while this process asks
 * for a wake-up latency of 0 µs, a CPU without work polls instead, and waking a thread on it costs what a context
 * switch costs. A CPU that has work is not affected. The kernel takes the request back when the descriptor closes.
 */
import { bytesFromText } from '../base/bytes';
import { write } from './io';
import { AT_FDCWD, close, openat } from './open';

const DEVICE = bytesFromText('/dev/cpu_dma_latency');
const O_WRONLY = 1;
/** PM_QOS_CPU_LATENCY_DEFAULT_VALUE in µs: no wish. */
const NO_WISH_US = 2_000_000_000;

const wish = Buffer.alloc(4);

export class IdleCpus {
  /** -1 where it is not permitted or there is no such device: then nothing here has an effect. */
  private readonly fd: number;
  private asked = false;

  /** @param wanted false: leaves them alone */
  constructor(wanted: boolean) {
    this.fd = wanted ? openat(AT_FDCWD, DEVICE, O_WRONLY) : -1;
  }

  /** They are kept from halting at the moment. */
  get awake(): boolean {
    return this.asked;
  }

  keepAwake(): void {
    if (this.fd >= 0 && !this.asked) this.ask(0);
  }

  letHalt(): void {
    if (this.asked) this.ask(NO_WISH_US);
  }

  close(): void {
    if (this.fd >= 0) close(this.fd);
  }

  private ask(latencyUs: number): void {
    wish.writeInt32LE(latencyUs);
    this.asked = write(this.fd, wish) > 0 && latencyUs === 0;
  }
}
