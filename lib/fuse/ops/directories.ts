/** Directories. They are opened without a message, so all of this comes without a handle. */
import type { Fh } from '../../base/ids';
import { Opcode } from '../abi';
import { eachNodeOf } from '../dirent';
import type { Exchange } from '../exchange';
import { nothing, type Operation } from '../operation';
import { decodeSync } from './files';

/** struct fuse_read_in. */
function decodeRead(x: Exchange): void {
  const { request, args } = x;
  args.fh = request.u64() as Fh;
  args.offset = request.u64();
  args.length = request.u32();
  request.skip(20);
}

export const directories: readonly Operation[] = [
  {
    opcode: Opcode.READDIR,
    name: 'READDIR',
    shows: ['fh', 'offset', 'length'],
    decode: decodeRead,
    call: ({ fs, call, args, dirents }) => {
      dirents.reset(args.length);
      return fs.readdir(call, args.node, args.fh, args.offset, dirents);
    },
    encode: nothing,
  },
  {
    opcode: Opcode.READDIRPLUS,
    name: 'READDIRPLUS',
    shows: ['fh', 'offset', 'length'],
    decode: decodeRead,
    call: (x) => {
      const { fs, call, args, direntsPlus } = x;
      direntsPlus.reset(args.length);
      const errno = fs.readdirplus(call, args.node, args.fh, args.offset, direntsPlus);
      if (errno !== 0) forgetEntries(x);
      return errno;
    },
    encode: nothing,
    undo: forgetEntries,
  },
  {
    opcode: Opcode.FSYNCDIR,
    name: 'FSYNCDIR',
    shows: ['fh', 'dataOnly'],
    decode: decodeSync,
    call: ({ fs, call, args }) => fs.fsyncdir(call, args.node, args.fh, args.dataOnly),
    encode: nothing,
  },
];

function forgetEntries(x: Exchange): void {
  eachNodeOf(x.reply, (node) => x.fs.forget(node, 1));
}
