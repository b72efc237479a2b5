/** Names: made, moved and removed. */
import { type ByteString, bytesOf, type Name } from '../../base/bytes';
import { type Count, EBUSY, ENAMETOOLONG, type Errno, OK } from '../../base/errno';
import type { Entry } from '../../vfs/types';
import { Opcode } from '../opcodes';
import { type Arguments, type Operation, plain } from '../operation';
import type { PathEntry } from '../path-table';
import type { Session } from '../session';
import { deviceOf } from '../stat-words';

/** A target travels as UTF-8 in a PATH_MAX buffer: each byte above 127 takes two. */
const MAX_TARGET = 4096;
const target = Buffer.alloc(MAX_TARGET);

/** Makes a name through `create`, and keeps the node that comes back. */
function make(
  x: Session,
  path: ByteString,
  create: (parent: PathEntry, name: Name, out: Entry) => Errno,
): Count {
  const parent = x.paths.walkToParent(x.call, path);
  if (parent === null) return -x.paths.errno;
  const name = x.paths.lastName;
  const errno = create(parent, name, x.entry);
  if (errno !== OK) return -errno;
  const entry = x.paths.add(parent, name, x.entry.node);
  entry.manyLinks = x.entry.attr.nlink > 1;
  return OK;
}

function mknod(x: Session, [path, mode]: Arguments): Count {
  const { major, minor } = deviceOf(x.window.u32(4));
  return make(x, path as ByteString, (parent, name, out) =>
    x.fs.mknod(x.call, parent.node, name, mode as number, major, minor, out),
  );
}

function mkdir(x: Session, [path, mode]: Arguments): Count {
  return make(x, path as ByteString, (parent, name, out) =>
    x.fs.mkdir(x.call, parent.node, name, (mode as number) & 0o7777, out),
  );
}

function symlink(x: Session, [to, path]: Arguments): Count {
  if (Buffer.byteLength(to as string) > MAX_TARGET) return -ENAMETOOLONG;
  return make(x, path as ByteString, (parent, name, out) =>
    x.fs.symlink(x.call, parent.node, name, to as ByteString, out),
  );
}

function link(x: Session, [from, path]: Arguments): Count {
  const source = x.paths.walk(x.call, from as ByteString);
  if (source === null) return -x.paths.errno;
  x.paths.pin(source);
  const result = make(x, path as ByteString, (parent, name, out) =>
    x.fs.link(x.call, source.node, parent.node, name, out),
  );
  if (result === OK) source.manyLinks = true;
  x.paths.unpin(source);
  return result;
}

/** Removes the name itself; what is open by it is libfuse's hidden name from now on, or nothing. */
function unlink(x: Session, path: ByteString, hiddenName: Name | null): Count {
  const parent = x.paths.walkToParent(x.call, path);
  if (parent === null) return -x.paths.errno;
  const name = x.paths.lastName;
  const entry = parent.children?.get(name);
  if (entry?.hidden) {
    x.paths.unhide(entry);
    return OK;
  }
  const errno = x.fs.unlink(x.call, parent.node, name);
  if (errno !== OK) return -errno;
  if (hiddenName === null) x.paths.cut(parent, name);
  else x.paths.hide(parent, name, hiddenName);
  return OK;
}

function rmdir(x: Session, path: ByteString): Count {
  const parent = x.paths.walkToParent(x.call, path);
  if (parent === null) return -x.paths.errno;
  const name = x.paths.lastName;
  const entry = parent.children?.get(name);
  if (entry !== undefined && x.paths.hasHidden(entry)) return -EBUSY;
  const errno = x.fs.rmdir(x.call, parent.node, name);
  if (errno === OK) x.paths.cut(parent, name);
  return -errno;
}

function move(x: Session, path: ByteString, newPath: ByteString): Count {
  const parent = x.paths.walkToParent(x.call, path);
  if (parent === null) return -x.paths.errno;
  const name = x.paths.lastName;
  x.paths.pin(parent);
  const result = moveTo(x, parent, name, newPath);
  x.paths.unpin(parent);
  return result;
}

function moveTo(x: Session, parent: PathEntry, name: Name, newPath: ByteString): Count {
  const newParent = x.paths.walkToParent(x.call, newPath);
  if (newParent === null) return -x.paths.errno;
  const newName = x.paths.lastName;
  const replaced = newParent.children?.get(newName);
  if (replaced !== undefined && x.paths.hasHidden(replaced)) return -EBUSY;
  const errno = x.fs.rename(x.call, parent.node, name, newParent.node, newName, 0);
  // Two names of one file: rename(2) does nothing.
  const sameFile = replaced !== undefined && replaced.node === parent.children?.get(name)?.node;
  if (errno === OK && !sameFile) x.paths.move(parent, name, newParent, newName);
  return -errno;
}

/**
 * libfuse renames an open file out of the way in two cases. At unlink(2), it is unlinked instead. At rename(2)
 * onto it, nothing is done here: the rename that follows replaces the file, in one step as it should, and until
 * then the name only moves in the table.
 */
function rename(x: Session, path: ByteString, newPath: ByteString): Count {
  const newName = newPath.slice(newPath.lastIndexOf('/') + 1) as Name;
  if (x.window.opcode === Opcode.Unlink) return unlink(x, path, newName);
  const oldLength = x.window.string(8).length;
  if (x.window.string(8 + oldLength + 1) === newName) return move(x, path, newPath);
  const entry = x.paths.walk(x.call, path);
  if (entry === null) return -x.paths.errno;
  x.paths.hide(entry.parent!, entry.name, newName);
  return OK;
}

function readlink(x: Session, path: ByteString): Count {
  const entry = x.paths.walk(x.call, path);
  if (entry === null) return -x.paths.errno;
  const count = x.fs.readlink(x.call, entry.node, target);
  if (count < 0) return count;
  x.text = bytesOf(target, 0, count);
  return Buffer.byteLength(x.text) > MAX_TARGET ? -ENAMETOOLONG : OK;
}

export const NAMES: readonly Operation[] = [
  { name: 'mknod', opcodes: [Opcode.Mknod], run: mknod, reply: plain },
  { name: 'mkdir', opcodes: [Opcode.Mkdir], run: mkdir, reply: plain },
  { name: 'symlink', opcodes: [Opcode.Symlink], run: symlink, reply: plain },
  { name: 'link', opcodes: [Opcode.Link], run: link, reply: plain },
  {
    name: 'unlink',
    opcodes: [Opcode.Unlink, Opcode.Release, Opcode.Open, Opcode.Create],
    run: (x, [path]) => unlink(x, path as ByteString, null),
    reply: plain,
  },
  { name: 'rmdir', opcodes: [Opcode.Rmdir], run: (x, [path]) => rmdir(x, path as ByteString), reply: plain },
  {
    name: 'rename',
    opcodes: [Opcode.Rename, Opcode.Unlink],
    run: (x, [path, newPath]) => rename(x, path as ByteString, newPath as ByteString),
    reply: plain,
  },
  {
    name: 'readlink',
    opcodes: [Opcode.Readlink],
    run: (x, [path]) => readlink(x, path as ByteString),
    reply: (x, signal, thread, result) => signal(thread, result, result < 0 ? '' : x.text),
  },
];
