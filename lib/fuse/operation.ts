/** A row of the opcode table. */
import type { Errno } from '../base/errno';
import type { Opcode } from './abi';
import type { Arguments, Exchange } from './exchange';

export interface Operation {
  readonly opcode: Opcode;
  readonly name: string;
  /** The arguments that a trace line shows. */
  readonly shows: readonly (keyof Arguments)[];
  /** Reads the body into `x.args`. A body that is too short shows in `x.request.short`. */
  decode(x: Exchange): void;
  /** Asks the file system. */
  call(x: Exchange): Errno;
  /** Appends the body of a successful reply. */
  encode(x: Exchange): void;
  /** The kernel expects no reply. */
  readonly silent?: true;
  /** Takes back what a successful reply gave to the kernel, when it could not be delivered. */
  undo?(x: Exchange): void;
}

/** For rows without arguments or without a reply's body. */
export function nothing(): void {}
