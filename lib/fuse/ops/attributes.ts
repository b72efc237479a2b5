/** Attributes of files and of the file system: GETATTR, SETATTR, STATX, STATFS, xattrs, ioctl. */
import { ENOTTY } from '../../base/errno';
import { type Fh, NO_FH } from '../../base/ids';
import { TimeSource } from '../../vfs/types';
import {
  Fattr,
  FS_IOC_FSGETXATTR,
  FS_IOC_FSSETXATTR,
  FS_IOC_GETFLAGS,
  FS_IOC_SETFLAGS,
  GETATTR_FH,
  Opcode,
  OUT_HEADER_BYTES,
  SETXATTR_ACL_KILL_SGID,
} from '../abi';
import type { Exchange } from '../exchange';
import { nothing, type Operation } from '../operation';
import { putAttrOut, putStatFs, putStatx } from '../structs';

/** struct fuse_setattr_in. */
function decodeSetAttr(x: Exchange): void {
  const { request, args } = x;
  const change = args.change;
  const valid = request.u32();
  request.skip(4);
  const fh = request.u64();
  const size = request.size();
  request.skip(8);
  change.atimeSec = request.i64();
  change.mtimeSec = request.i64();
  request.skip(8);
  change.atimeNs = request.u32();
  change.mtimeNs = request.u32();
  request.skip(4);
  const mode = request.u32();
  request.skip(4);
  const uid = request.u32();
  const gid = request.u32();
  request.skip(4);
  args.fh = (valid & Fattr.FH ? fh : 0) as Fh;
  change.mode = valid & Fattr.MODE ? mode & 0o7777 : null;
  change.uid = valid & Fattr.UID ? uid : null;
  change.gid = valid & Fattr.GID ? gid : null;
  change.size = valid & Fattr.SIZE ? size : null;
  change.atime = timeSource(valid & Fattr.ATIME, valid & Fattr.ATIME_NOW);
  change.mtime = timeSource(valid & Fattr.MTIME, valid & Fattr.MTIME_NOW);
  change.killPriv = (valid & Fattr.KILL_SUIDGID) !== 0;
}

function timeSource(changed: number, now: number): TimeSource {
  if (changed === 0) return TimeSource.Keep;
  return now === 0 ? TimeSource.Given : TimeSource.Now;
}

/** struct fuse_getxattr_in: how large the caller's buffer is, 0 to ask for the size. */
function decodeXattrSize(x: Exchange): void {
  x.args.length = x.request.u32();
  x.request.skip(4);
}

/** The bytes, which are in place already, or struct fuse_getxattr_out with their number. */
function encodeXattr(x: Exchange): void {
  if (x.args.length > 0) {
    x.reply.skip(x.count);
  } else {
    x.reply.u32(x.count);
    x.reply.u32(0);
  }
}

const IOCTLS: ReadonlySet<number> = new Set([
  FS_IOC_GETFLAGS,
  FS_IOC_SETFLAGS,
  FS_IOC_FSGETXATTR,
  FS_IOC_FSSETXATTR,
]);

/** struct fuse_ioctl_out, which the output follows. */
const IOCTL_OUT_BYTES = 16;
/** No known ioctl gives more (struct fsxattr: 28). */
const MAX_IOCTL_BYTES = 64;

export const attributes: readonly Operation[] = [
  {
    opcode: Opcode.GETATTR,
    name: 'GETATTR',
    shows: ['fh'],
    decode: (x) => {
      const hasFh = (x.request.u32() & GETATTR_FH) !== 0;
      x.request.skip(4);
      const fh = x.request.u64() as Fh;
      x.args.fh = hasFh ? fh : NO_FH;
    },
    call: ({ fs, call, args, attr }) => fs.getattr(call, args.node, args.fh, attr),
    encode: (x) => putAttrOut(x.reply, x.attr),
  },
  {
    opcode: Opcode.STATX,
    name: 'STATX',
    shows: ['fh', 'flags'],
    decode: (x) => {
      const hasFh = (x.request.u32() & GETATTR_FH) !== 0;
      x.request.skip(4);
      const fh = x.request.u64() as Fh;
      x.args.fh = hasFh ? fh : NO_FH;
      x.request.skip(4);
      x.args.flags = x.request.u32();
    },
    call: ({ fs, call, args, attr }) => fs.getattr(call, args.node, args.fh, attr),
    encode: (x) => putStatx(x.reply, x.attr, x.args.flags),
  },
  {
    opcode: Opcode.SETATTR,
    name: 'SETATTR',
    shows: ['fh', 'change'],
    decode: decodeSetAttr,
    call: ({ fs, call, args, attr }) => fs.setattr(call, args.node, args.fh, args.change, attr),
    encode: (x) => putAttrOut(x.reply, x.attr),
  },
  {
    opcode: Opcode.STATFS,
    name: 'STATFS',
    shows: [],
    decode: nothing,
    call: ({ fs, call, statfs }) => fs.statfs(call, statfs),
    encode: (x) => putStatFs(x.reply, x.statfs),
  },
  {
    opcode: Opcode.GETXATTR,
    name: 'GETXATTR',
    shows: ['name', 'length'],
    decode: (x) => {
      decodeXattrSize(x);
      x.args.name = x.request.cstring();
    },
    call: (x) => x.counted(x.fs.getxattr(x.call, x.args.node, x.args.name, x.reply.room(x.args.length))),
    encode: encodeXattr,
  },
  {
    opcode: Opcode.LISTXATTR,
    name: 'LISTXATTR',
    shows: ['length'],
    decode: decodeXattrSize,
    call: (x) => x.counted(x.fs.listxattr(x.call, x.args.node, x.reply.room(x.args.length))),
    encode: encodeXattr,
  },
  {
    opcode: Opcode.SETXATTR,
    name: 'SETXATTR',
    shows: ['name', 'length', 'flags'],
    decode: ({ request, args, connection }) => {
      args.length = request.u32();
      args.flags = request.u32();
      args.killPriv = false;
      if (connection.longSetxattr) {
        args.killPriv = (request.u32() & SETXATTR_ACL_KILL_SGID) !== 0;
        request.skip(4);
      }
      args.name = request.cstring();
      args.data = request.data(args.length);
    },
    call: ({ fs, call, args }) =>
      fs.setxattr(call, args.node, args.name, args.data, args.flags, args.killPriv),
    encode: nothing,
  },
  {
    opcode: Opcode.REMOVEXATTR,
    name: 'REMOVEXATTR',
    shows: ['name'],
    decode: (x) => {
      x.args.name = x.request.cstring();
    },
    call: ({ fs, call, args }) => fs.removexattr(call, args.node, args.name),
    encode: nothing,
  },
  {
    opcode: Opcode.IOCTL,
    name: 'IOCTL',
    shows: ['fh', 'flags', 'length'],
    decode: ({ request, args }) => {
      args.fh = request.u64() as Fh;
      request.skip(4);
      args.flags = request.u32();
      request.skip(8);
      const inputSize = request.u32();
      args.length = request.u32();
      args.data = request.data(inputSize);
    },
    call: (x) => {
      const { fs, call, args, reply } = x;
      if (!IOCTLS.has(args.flags) || args.length > MAX_IOCTL_BYTES) return ENOTTY;
      const output = reply
        .room(IOCTL_OUT_BYTES + args.length)
        .subarray(IOCTL_OUT_BYTES)
        .fill(0);
      return x.counted(fs.ioctl(call, args.node, args.fh, args.flags, args.data, output));
    },
    encode: (x) => {
      const outputEnd = OUT_HEADER_BYTES + IOCTL_OUT_BYTES + x.args.length;
      x.reply.u32(x.count);
      x.reply.zeros(IOCTL_OUT_BYTES - 4);
      x.reply.skip(outputEnd - x.reply.at);
    },
  },
];
