/** Open files: opening, creating, data, closing. */
import { type Fh, NO_FH, type NodeId } from '../../base/ids';
import { O_CREAT, O_DIRECTORY, O_EXCL, O_TMPFILE } from '../../vfs/flags';
import {
  Fopen,
  FSYNC_FDATASYNC,
  KERNEL_OPEN_FLAGS,
  OPEN_KILL_SUIDGID,
  Opcode,
  WRITE_CACHE,
  WRITE_KILL_SUIDGID,
} from '../abi';
import type { Exchange } from '../exchange';
import { nothing, type Operation } from '../operation';
import { putOpened } from '../structs';
import { encodeEntry, forgetEntry } from './names';

/** The most that the short COPY_FILE_RANGE reply can say. */
const MAX_SHORT_COPY = 0x7ffff000;

/** struct fuse_open_out. The kernel refuses FOPEN_KEEP_CACHE together with FOPEN_PASSTHROUGH. */
function encodeOpened(x: Exchange): void {
  const { opened } = x;
  const backing = x.connection.passthrough ? opened.backing : 0;
  let flags = Fopen.NOFLUSH;
  if (backing > 0) flags |= opened.direct ? Fopen.PASSTHROUGH | Fopen.DIRECT_IO : Fopen.PASSTHROUGH;
  else if (opened.keepCache) flags |= Fopen.KEEP_CACHE;
  putOpened(x.reply, opened, flags, backing);
}

/** struct fuse_create_in and a name. */
function decodeCreate(x: Exchange): void {
  const { request, call, args } = x;
  args.flags = request.u32() & ~(KERNEL_OPEN_FLAGS | O_CREAT);
  args.mode = request.u32();
  call.umask = request.u32();
  request.skip(4);
  args.name = request.cstring();
  call.group = request.supplementaryGroup();
}

/**
 * A kernel that opens without messages sends no RELEASE either (fs/fuse/file.c:fuse_file_put), so the handle of a
 * created file is given back at once and the kernel gets none.
 */
function dropUnreleasable(x: Exchange, errno: number): number {
  if (errno === 0 && x.connection.zeroMessageOpens && x.opened.fh !== NO_FH) {
    x.fs.release(x.entry.node, x.opened.fh);
    x.opened.fh = NO_FH;
  }
  return errno;
}

function encodeCreated(x: Exchange): void {
  encodeEntry(x);
  encodeOpened(x);
}

function undoCreated(x: Exchange): void {
  if (x.opened.fh !== NO_FH) x.fs.release(x.entry.node, x.opened.fh);
  forgetEntry(x);
}

function resetOpened(x: Exchange): void {
  x.opened.fh = NO_FH;
  x.opened.backing = 0;
  x.opened.direct = false;
  x.opened.keepCache = true;
}

/** struct fuse_read_in and, in these fields, struct fuse_write_in. */
function decodeTransfer(x: Exchange): number {
  const { request, args } = x;
  args.fh = request.u64() as Fh;
  args.offset = request.size();
  args.length = request.u32();
  const flags = request.u32();
  request.skip(16);
  return flags;
}

/** struct fuse_copy_file_range_in. */
function decodeCopy(x: Exchange): void {
  const { request, args } = x;
  args.fh = request.u64() as Fh;
  args.offset = request.size();
  args.newNode = request.u64() as NodeId;
  args.newFh = request.u64() as Fh;
  args.newOffset = request.size();
  args.length = request.u64();
  request.skip(8);
}

function copy(x: Exchange): number {
  const { fs, call, args: a } = x;
  return x.counted(fs.copyFileRange(call, a.node, a.fh, a.offset, a.newNode, a.newFh, a.newOffset, a.length));
}

/** struct fuse_write_out. */
function encodeWritten(x: Exchange): void {
  x.reply.u32(x.count);
  x.reply.u32(0);
}

export const openFile: Operation = {
  opcode: Opcode.OPEN,
  name: 'OPEN',
  shows: ['flags', 'killPriv'],
  decode: ({ request, args }) => {
    args.flags = request.u32() & ~(KERNEL_OPEN_FLAGS | O_CREAT | O_EXCL);
    args.killPriv = (request.u32() & OPEN_KILL_SUIDGID) !== 0;
  },
  call: (x) => {
    resetOpened(x);
    return x.fs.open(x.call, x.args.node, x.args.flags, x.args.killPriv, x.opened);
  },
  encode: encodeOpened,
  undo: (x) => x.fs.release(x.args.node, x.opened.fh),
};

export const files: readonly Operation[] = [
  {
    opcode: Opcode.CREATE,
    name: 'CREATE',
    shows: ['name', 'flags', 'mode'],
    decode: decodeCreate,
    call: (x) => {
      const { fs, call, args: a } = x;
      resetOpened(x);
      return dropUnreleasable(x, fs.create(call, a.node, a.name, a.mode, a.flags, x.entry, x.opened));
    },
    encode: encodeCreated,
    undo: undoCreated,
  },
  {
    opcode: Opcode.TMPFILE,
    name: 'TMPFILE',
    shows: ['flags', 'mode'],
    decode: (x) => {
      decodeCreate(x);
      x.args.flags &= ~(O_TMPFILE | O_DIRECTORY);
    },
    call: (x) => {
      const { fs, call, args: a } = x;
      resetOpened(x);
      return dropUnreleasable(x, fs.tmpfile(call, a.node, a.mode, a.flags, x.entry, x.opened));
    },
    encode: encodeCreated,
    undo: undoCreated,
  },
  {
    opcode: Opcode.RELEASE,
    name: 'RELEASE',
    shows: ['fh'],
    decode: (x) => {
      x.args.fh = x.request.u64() as Fh;
      x.request.skip(16);
    },
    call: ({ fs, args }) => {
      if (args.fh !== NO_FH) fs.release(args.node, args.fh);
      return 0;
    },
    encode: nothing,
  },
  {
    opcode: Opcode.READ,
    name: 'READ',
    shows: ['fh', 'offset', 'length'],
    decode: decodeTransfer,
    call: (x) => {
      const { fs, call, args, reply } = x;
      return x.counted(fs.read(call, args.node, args.fh, args.offset, reply.room(args.length)));
    },
    encode: (x) => x.reply.skip(x.count),
  },
  {
    opcode: Opcode.WRITE,
    name: 'WRITE',
    shows: ['fh', 'offset', 'length', 'killPriv', 'mapped'],
    decode: (x) => {
      const flags = decodeTransfer(x);
      x.args.killPriv = (flags & WRITE_KILL_SUIDGID) !== 0;
      x.args.mapped = (flags & WRITE_CACHE) !== 0;
      x.args.data = x.request.data(x.args.length);
    },
    call: (x) => {
      const { fs, call, args } = x;
      return x.counted(
        fs.write(call, args.node, args.fh, args.offset, args.data, args.killPriv, args.mapped),
      );
    },
    encode: encodeWritten,
  },
  {
    opcode: Opcode.FSYNC,
    name: 'FSYNC',
    shows: ['fh', 'dataOnly'],
    decode: decodeSync,
    call: ({ fs, call, args }) => fs.fsync(call, args.node, args.fh, args.dataOnly),
    encode: nothing,
  },
  {
    opcode: Opcode.FALLOCATE,
    name: 'FALLOCATE',
    shows: ['fh', 'mode', 'offset', 'length'],
    decode: ({ request, args }) => {
      args.fh = request.u64() as Fh;
      args.offset = request.size();
      args.length = request.size();
      args.mode = request.u32();
      request.skip(4);
    },
    call: ({ fs, call, args }) => fs.fallocate(call, args.node, args.fh, args.mode, args.offset, args.length),
    encode: nothing,
  },
  {
    opcode: Opcode.LSEEK,
    name: 'LSEEK',
    shows: ['fh', 'offset', 'flags'],
    decode: ({ request, args }) => {
      args.fh = request.u64() as Fh;
      args.offset = request.i64();
      args.flags = request.u32();
      request.skip(4);
    },
    call: (x) => x.counted(x.fs.lseek(x.call, x.args.node, x.args.fh, x.args.offset, x.args.flags)),
    encode: (x) => x.reply.u64(x.count),
  },
  {
    opcode: Opcode.COPY_FILE_RANGE,
    name: 'COPY_FILE_RANGE',
    shows: ['fh', 'offset', 'newNode', 'newFh', 'newOffset', 'length'],
    decode: (x) => {
      decodeCopy(x);
      x.args.length = Math.min(x.args.length, MAX_SHORT_COPY);
    },
    call: copy,
    encode: encodeWritten,
  },
  {
    opcode: Opcode.COPY_FILE_RANGE_64,
    name: 'COPY_FILE_RANGE_64',
    shows: ['fh', 'offset', 'newNode', 'newFh', 'newOffset', 'length'],
    decode: decodeCopy,
    call: copy,
    encode: (x) => x.reply.u64(x.count),
  },
];

/** struct fuse_fsync_in, of files and directories. */
export function decodeSync(x: Exchange): void {
  x.args.fh = x.request.u64() as Fh;
  x.args.dataOnly = (x.request.u32() & FSYNC_FDATASYNC) !== 0;
  x.request.skip(4);
}
