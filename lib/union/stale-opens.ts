/**
 * Opens that are answered ESTALE, so that the kernel looks the name up again.
 *
 * A node is *retired* when its inode is written to while handles have it bound to the lower file (open-files.ts): the
 * inode's name gives a new node from then on. But the kernel may still know the name by the retired one: it keeps names
 * for ever, and a READDIRPLUS or LOOKUP reply that was on its way links the old node again, after the new one. So
 * whoever opens a retired node is told ESTALE once, upon which the VFS walks the path anew, with a LOOKUP of every
 * name in it (fs/namei.c:do_filp_open, LOOKUP_REVAL), and opens the new node. Who has no path to look up, because
 * the file is reached through /proc/self/fd or is bind-mounted alone, comes back at once with the same node,
 * from the same thread, and is served: for reading always, for writing unless others have the lower file bound.
 */
import type { NodeId } from '../base/ids';

/** Threads that are between the refusal and their second attempt; more of them get ESTALE for good. */
const LIMIT = 1024;

export class StaleOpens {
  /** By thread, what it was refused last; the longest ago first. */
  private readonly refused = new Map<number, NodeId>();

  get size(): number {
    return this.refused.size;
  }

  /** True: the thread is told ESTALE. False: it was told before, and has no other way. */
  refuse(thread: number, node: NodeId): boolean {
    if (this.refused.get(thread) === node) return false;
    this.refused.delete(thread);
    this.refused.set(thread, node);
    if (this.refused.size <= LIMIT) return true;
    for (const longestAgo of this.refused.keys()) {
      this.refused.delete(longestAgo);
      break;
    }
    return true;
  }

  /** The thread has opened what it wanted, or will not. */
  settled(thread: number): void {
    if (this.refused.size > 0) this.refused.delete(thread);
  }
}
