/** What concerns the connection rather than a file: forgetting, interrupting, syncing everything, the end. */
import { OK } from '../../base/errno';
import { Opcode } from '../abi';
import { nothing, type Operation } from '../operation';

export const session: readonly Operation[] = [
  {
    opcode: Opcode.FORGET,
    name: 'FORGET',
    shows: ['length'],
    silent: true,
    decode: (x) => {
      x.args.length = x.request.u64();
    },
    call: ({ fs, args }) => {
      fs.forget(args.node, args.length);
      return OK;
    },
    encode: nothing,
  },
  {
    opcode: Opcode.BATCH_FORGET,
    name: 'BATCH_FORGET',
    shows: ['length'],
    silent: true,
    decode: (x) => {
      x.args.length = x.request.u32();
      x.request.skip(4);
    },
    call: ({ forgetting, args, request }) => {
      forgetting.add(request, args.length);
      return OK;
    },
    encode: nothing,
  },
  {
    opcode: Opcode.INTERRUPT,
    name: 'INTERRUPT',
    shows: ['uniqueLow', 'uniqueHigh'],
    silent: true,
    decode: (x) => {
      x.args.uniqueLow = x.request.u32();
      x.args.uniqueHigh = x.request.u32();
    },
    call: ({ parking, args }) => {
      parking.interrupt(args.uniqueLow, args.uniqueHigh);
      return OK;
    },
    encode: nothing,
  },
  {
    opcode: Opcode.SYNCFS,
    name: 'SYNCFS',
    shows: [],
    decode: (x) => x.request.skip(8),
    call: ({ fs, call }) => fs.syncfs(call),
    encode: nothing,
  },
  {
    opcode: Opcode.DESTROY,
    name: 'DESTROY',
    shows: [],
    decode: nothing,
    call: () => OK,
    encode: nothing,
  },
];
