/** Open files and their data. */
import type { ByteString } from '../../base/bytes';
import { type Count, EBADF, EFBIG, OK } from '../../base/errno';
import { O_CREAT, O_EXCL, O_TRUNC, O_WRONLY } from '../../vfs/flags';
import { Opcode } from '../opcodes';
import { type Arguments, type Operation, plain, withFile } from '../operation';
import type { PathEntry } from '../path-table';
import type { Session } from '../session';

const WORD = 2 ** 32;

function opened(x: Session, entry: PathEntry): Count {
  x.paths.pin(entry);
  x.file = x.files.add({ entry, fh: x.opened.fh });
  return OK;
}

/** The kernel leaves it to us to clear setuid with O_TRUNC; root keeps the bits, as CAP_FSETID has it. */
function open(x: Session, [path, flags]: Arguments): Count {
  const entry = x.paths.walk(x.call, path as ByteString);
  if (entry === null) return -x.paths.errno;
  const killPriv = ((flags as number) & O_TRUNC) !== 0 && x.call.uid !== 0;
  const errno = x.fs.open(x.call, entry.node, flags as number, killPriv, x.opened);
  return errno === OK ? opened(x, entry) : -errno;
}

/** The flags are the request's; for mknod(2) of a regular file, which libfuse turns into this, its own. */
function create(x: Session, [path, mode]: Arguments): Count {
  const parent = x.paths.walkToParent(x.call, path as ByteString);
  if (parent === null) return -x.paths.errno;
  const name = x.paths.lastName;
  const flags = x.window.opcode === Opcode.Create ? x.window.u32(0) : O_CREAT | O_EXCL | O_WRONLY;
  const errno = x.fs.create(x.call, parent.node, name, mode as number, flags, x.entry, x.opened);
  if (errno !== OK) return -errno;
  return opened(x, x.paths.add(parent, name, x.entry.node));
}

function release(x: Session, id: number): Count {
  const file = x.files.take(id);
  if (file === undefined) return -EBADF;
  x.fs.release(file.entry.node, file.fh);
  x.paths.unpin(file.entry);
  return OK;
}

function read(x: Session, [, id, into, , low, high]: Arguments): Count {
  const file = x.files.get(id as number);
  if (file === undefined) return -EBADF;
  const offset = (low as number) + (high as number) * WORD;
  if (offset > Number.MAX_SAFE_INTEGER) return -EFBIG;
  return x.fs.read(x.call, file.entry.node, file.fh, offset, into as Buffer);
}

/** fuse_write_in.write_flags: the data comes from the page cache, where only mappings leave it. */
const WRITE_FLAGS_AT = 20;
const WRITE_CACHE = 1;

function isMapped({ window }: Session): boolean {
  return (window.u32(WRITE_FLAGS_AT) & WRITE_CACHE) !== 0;
}

function write(x: Session, [, id, data, , low, high]: Arguments): Count {
  const file = x.files.get(id as number);
  if (file === undefined) return -EBADF;
  const offset = (low as number) + (high as number) * WORD;
  if (offset > Number.MAX_SAFE_INTEGER) return -EFBIG;
  return x.fs.write(x.call, file.entry.node, file.fh, offset, data as Buffer, false, isMapped(x));
}

function fsync(x: Session, [, dataOnly, id]: Arguments): Count {
  const file = x.files.get(id as number);
  if (file === undefined) return -EBADF;
  return -x.fs.fsync(x.call, file.entry.node, file.fh, dataOnly !== 0);
}

const withData: Operation['reply'] = (_x, signal, thread, result, args) => {
  signal(thread, result, 0, (args[2] as Buffer).buffer);
};

export const FILES: readonly Operation[] = [
  { name: 'open', opcodes: [Opcode.Open], run: open, reply: withFile },
  { name: 'create', opcodes: [Opcode.Create, Opcode.Mknod], run: create, reply: withFile },
  {
    name: 'release',
    opcodes: [Opcode.Release, Opcode.Open, Opcode.Create, Opcode.Mknod],
    run: (x, [, id]) => release(x, id as number),
    reply: plain,
  },
  { name: 'read', opcodes: [Opcode.Read], run: read, reply: withData },
  { name: 'write', opcodes: [Opcode.Write], run: write, reply: withData },
  { name: 'fsync', opcodes: [Opcode.Fsync], run: fsync, reply: plain },
];
