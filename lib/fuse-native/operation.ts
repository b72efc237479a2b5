/** A row of the operation table: one callback of libfuse's path interface. */
import type { Count } from '../base/errno';
import type { FuseThread, Signal } from './binding';
import type { Opcode } from './opcodes';
import type { Session } from './session';

/** What the binding passes: paths (byte strings, thanks to the iconv module), numbers, buffers. */
export type Arguments = readonly unknown[];

export interface Operation {
  /** The binding's name for it. */
  readonly name: string;
  /** The requests under which libfuse calls it. */
  readonly opcodes: readonly Opcode[];
  /** Asks the file system. Returns a result ≥ 0, or a negated errno (PARKED too). */
  run(x: Session, args: Arguments): Count;
  /** Ends the request. The binding crashes or hangs where it misses a value, on errors too. */
  reply(x: Session, signal: Signal, thread: FuseThread, result: Count, args: Arguments): void;
}

export function plain(_x: Session, signal: Signal, thread: FuseThread, result: Count): void {
  signal(thread, result);
}

export function withStat(x: Session, signal: Signal, thread: FuseThread, result: Count): void {
  signal(thread, result, x.stat);
}

export function withFile(x: Session, signal: Signal, thread: FuseThread, result: Count): void {
  signal(thread, result, result < 0 ? 0 : x.file);
}

/** Gives the memory of the request's buffer back: the binding detaches it before libfuse frees it. */
export function returning(buffer: number): Operation['reply'] {
  return (_x, signal, thread, result, args) => {
    signal(thread, result, (args[buffer] as Buffer).buffer);
  };
}
