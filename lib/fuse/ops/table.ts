/** The opcode table of a connection: index it with the opcode. */
import { ENOSYS } from '../../base/errno';
import { Opcode } from '../abi';
import type { Connection } from '../exchange';
import { nothing, type Operation } from '../operation';
import { attributes } from './attributes';
import { directories } from './directories';
import { files, openFile } from './files';
import { names } from './names';
import { session } from './session';

/** Answered ENOSYS: the kernel then does it by itself, and does not ask again. */
function refused(opcode: Opcode, name: string): Operation {
  return { opcode, name, shows: [], decode: nothing, call: () => ENOSYS, encode: nothing };
}

/** Directories have no state to open; permissions and locks are the kernel's own here, there is nothing to flush, and no block device below. */
const leftToTheKernel: readonly Operation[] = [
  refused(Opcode.ACCESS, 'ACCESS'),
  refused(Opcode.OPENDIR, 'OPENDIR'),
  refused(Opcode.FLUSH, 'FLUSH'),
  refused(Opcode.GETLK, 'GETLK'),
  refused(Opcode.SETLK, 'SETLK'),
  refused(Opcode.SETLKW, 'SETLKW'),
  refused(Opcode.BMAP, 'BMAP'),
  refused(Opcode.POLL, 'POLL'),
];

/** What an unknown opcode gets. */
export const unknownOperation: Operation = refused(0 as Opcode, 'UNKNOWN');

export type OperationTable = readonly (Operation | undefined)[];

export function operationTable(connection: Connection): OperationTable {
  const open = connection.zeroMessageOpens ? refused(Opcode.OPEN, 'OPEN') : openFile;
  const table: (Operation | undefined)[] = new Array(64).fill(undefined);
  for (const row of [
    ...names,
    ...attributes,
    ...files,
    ...directories,
    ...session,
    open,
    ...leftToTheKernel,
  ]) {
    table[row.opcode] = row;
  }
  return table;
}
