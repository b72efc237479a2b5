/**
 * BATCH_FORGET, which may name 65,000 nodes in one message: a few are forgotten at once, the rest between requests.
 * Counts are exact all the same, for a lookup in between only adds to what will be taken off.
 */
import type { NodeId } from '../base/ids';
import type { FileSystem } from '../vfs/filesystem';
import type { Request } from './request';

/** Nodes that one step forgets. */
const STEP = 512;
/** struct fuse_forget_one: u64 node, u64 count. */
const ONE_BYTES = 16;
const TWO_32 = 0x1_0000_0000;

export class Forgetting {
  /** What is left of messages, oldest first. */
  private readonly batches: Buffer[] = [];

  constructor(private readonly fs: FileSystem) {}

  get waiting(): boolean {
    return this.batches.length > 0;
  }

  /** Preconditions: the request's cursor stands on the first of `count` nodes. A message that ends before is cut. */
  add(request: Request, count: number): void {
    const bytes = request.data(Math.min(count, Math.floor(request.left / ONE_BYTES)) * ONE_BYTES);
    const rest = this.forget(bytes);
    if (rest.length > 0) this.batches.push(Buffer.from(rest));
  }

  /** Preconditions: some wait. */
  step(): void {
    const rest = this.forget(this.batches[0]!);
    if (rest.length > 0) this.batches[0] = rest;
    else this.batches.shift();
  }

  /** Forgets the first few. Returns the others. */
  private forget(bytes: Buffer): Buffer {
    const end = Math.min(bytes.length, STEP * ONE_BYTES);
    for (let at = 0; at < end; at += ONE_BYTES) {
      const node = bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * TWO_32;
      this.fs.forget(node as NodeId, bytes.readUInt32LE(at + 8) + bytes.readUInt32LE(at + 12) * TWO_32);
    }
    return bytes.subarray(end);
  }
}
