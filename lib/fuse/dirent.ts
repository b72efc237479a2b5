/** Directory entries, written straight into the reply: struct fuse_dirent and struct fuse_direntplus. */
import type { Name } from '../base/bytes';
import type { Ino, NodeId } from '../base/ids';
import type { DirPlusSink, DirSink } from '../vfs/filesystem';
import { dirTypeOf } from '../vfs/flags';
import type { Entry } from '../vfs/types';
import { DIRENT_BYTES, ENTRY_BYTES, OUT_HEADER_BYTES } from './abi';
import type { Reply } from './reply';
import { putEntry } from './structs';

/** As much as one request gets, whatever it asks for: some hundred names with their attributes. */
const MAX_BYTES = 64 * 1024;

function align(length: number): number {
  return (length + 7) & ~7;
}

export class DirentSink implements DirSink {
  /** Where the caller's buffer ends in the reply. */
  protected limit = 0;

  constructor(protected readonly reply: Reply) {}

  /** Starts a listing of at most `size` bytes, and no more than a request may take time for. */
  reset(size: number): void {
    this.limit = Math.min(this.reply.at + Math.min(size, MAX_BYTES), this.reply.bytes.length);
  }

  add(name: Name, ino: Ino, dirType: number, next: number): boolean {
    if (this.reply.at + align(DIRENT_BYTES + name.length) > this.limit) return false;
    this.putDirent(name, ino, dirType, next);
    return true;
  }

  protected putDirent(name: Name, ino: Ino, dirType: number, next: number): void {
    this.reply.u64(ino);
    this.reply.u64(next);
    this.reply.u32(name.length);
    this.reply.u32(dirType);
    this.reply.padded(name);
  }
}

export class DirentPlusSink extends DirentSink implements DirPlusSink {
  /** An entry with node 0: the kernel looks the name up itself when it needs it. */
  override add(name: Name, ino: Ino, dirType: number, next: number): boolean {
    if (!this.hasRoomFor(name)) return false;
    this.reply.zeros(ENTRY_BYTES);
    this.putDirent(name, ino, dirType, next);
    return true;
  }

  hasRoomFor(name: Name): boolean {
    return this.reply.at + align(ENTRY_BYTES + DIRENT_BYTES + name.length) <= this.limit;
  }

  addEntry(name: Name, entry: Entry, next: number): void {
    putEntry(this.reply, entry);
    this.putDirent(name, entry.attr.ino, dirTypeOf(entry.attr.mode), next);
  }
}

/** Visits the nodes in an encoded readdirplus reply, one for each that a lookup was counted for. */
export function eachNodeOf(reply: Reply, visit: (node: NodeId) => void): void {
  const bytes = reply.bytes;
  for (let at = OUT_HEADER_BYTES; at < reply.at; ) {
    const node = bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 0x1_0000_0000;
    if (node !== 0) visit(node as NodeId);
    at += align(ENTRY_BYTES + DIRENT_BYTES + bytes.readUInt32LE(at + ENTRY_BYTES + 16));
  }
}
