/** Operations on names: finding, making, removing and moving them. */
import { ENOENT, OK } from '../../base/errno';
import { NO_NODE, type NodeId } from '../../base/ids';
import { Opcode } from '../abi';
import type { Exchange } from '../exchange';
import { nothing, type Operation } from '../operation';
import { deviceMajor, deviceMinor, putAbsent, putEntry } from '../structs';

export function encodeEntry(x: Exchange): void {
  if (x.entry.node === NO_NODE) putAbsent(x.reply);
  else putEntry(x.reply, x.entry);
}

export function forgetEntry(x: Exchange): void {
  if (x.entry.node !== NO_NODE) x.fs.forget(x.entry.node, 1);
}

function decodeName(x: Exchange): void {
  x.args.name = x.request.cstring();
}

function decodeTwoNames(x: Exchange): void {
  x.args.name = x.request.cstring();
  x.args.newName = x.request.cstring();
}

/** The kernel's buffer for a target: PATH_MAX without its NUL. */
const TARGET_BYTES = 4095;

export const names: readonly Operation[] = [
  {
    opcode: Opcode.LOOKUP,
    name: 'LOOKUP',
    shows: ['name'],
    decode: decodeName,
    call: (x) => {
      const errno = x.fs.lookup(x.call, x.args.node, x.args.name, x.entry);
      if (errno !== ENOENT) return errno;
      x.entry.node = NO_NODE;
      return OK;
    },
    encode: encodeEntry,
    undo: forgetEntry,
  },
  {
    opcode: Opcode.READLINK,
    name: 'READLINK',
    shows: [],
    decode: nothing,
    call: (x) => x.counted(x.fs.readlink(x.call, x.args.node, x.reply.room(TARGET_BYTES))),
    encode: (x) => x.reply.skip(x.count),
  },
  {
    opcode: Opcode.MKNOD,
    name: 'MKNOD',
    shows: ['name', 'mode', 'major', 'minor'],
    decode: (x) => {
      x.args.mode = x.request.u32();
      const device = x.request.u32();
      x.args.major = deviceMajor(device);
      x.args.minor = deviceMinor(device);
      x.call.umask = x.request.u32();
      x.request.skip(4);
      x.args.name = x.request.cstring();
      x.call.group = x.request.supplementaryGroup();
    },
    call: ({ fs, call, args, entry }) =>
      fs.mknod(call, args.node, args.name, args.mode, args.major, args.minor, entry),
    encode: encodeEntry,
    undo: forgetEntry,
  },
  {
    opcode: Opcode.MKDIR,
    name: 'MKDIR',
    shows: ['name', 'mode'],
    decode: (x) => {
      x.args.mode = x.request.u32();
      x.call.umask = x.request.u32();
      x.args.name = x.request.cstring();
      x.call.group = x.request.supplementaryGroup();
    },
    call: ({ fs, call, args, entry }) => fs.mkdir(call, args.node, args.name, args.mode, entry),
    encode: encodeEntry,
    undo: forgetEntry,
  },
  {
    opcode: Opcode.SYMLINK,
    name: 'SYMLINK',
    shows: ['name', 'target'],
    decode: (x) => {
      x.args.name = x.request.cstring();
      x.args.target = x.request.cstring();
      x.call.group = x.request.supplementaryGroup();
    },
    call: ({ fs, call, args, entry }) => fs.symlink(call, args.node, args.name, args.target, entry),
    encode: encodeEntry,
    undo: forgetEntry,
  },
  {
    opcode: Opcode.LINK,
    name: 'LINK',
    shows: ['newNode', 'name'],
    decode: (x) => {
      x.args.newNode = x.request.u64() as NodeId;
      x.args.name = x.request.cstring();
    },
    call: ({ fs, call, args, entry }) => fs.link(call, args.newNode, args.node, args.name, entry),
    encode: encodeEntry,
    undo: forgetEntry,
  },
  {
    opcode: Opcode.UNLINK,
    name: 'UNLINK',
    shows: ['name'],
    decode: decodeName,
    call: ({ fs, call, args }) => fs.unlink(call, args.node, args.name),
    encode: nothing,
  },
  {
    opcode: Opcode.RMDIR,
    name: 'RMDIR',
    shows: ['name'],
    decode: decodeName,
    call: ({ fs, call, args }) => fs.rmdir(call, args.node, args.name),
    encode: nothing,
  },
  {
    opcode: Opcode.RENAME,
    name: 'RENAME',
    shows: ['name', 'newNode', 'newName'],
    decode: (x) => {
      x.args.newNode = x.request.u64() as NodeId;
      x.args.flags = 0;
      decodeTwoNames(x);
    },
    call: rename,
    encode: nothing,
  },
  {
    opcode: Opcode.RENAME2,
    name: 'RENAME2',
    shows: ['name', 'newNode', 'newName', 'flags'],
    decode: (x) => {
      x.args.newNode = x.request.u64() as NodeId;
      x.args.flags = x.request.u32();
      x.request.skip(4);
      decodeTwoNames(x);
    },
    call: rename,
    encode: nothing,
  },
];

function rename({ fs, call, args }: Exchange): number {
  return fs.rename(call, args.node, args.name, args.newNode, args.newName, args.flags);
}
