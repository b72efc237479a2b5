/**
 * Link counts that the kernel keeps by itself. When an UNLINK, or a RENAME over a name, is answered, it lowers the count
 * that it has of the inode (fs/fuse/dir.c:fuse_entry_unlinked). Attributes that were read after the unlink, but reach
 * the kernel before the caller of unlink(2) runs on, have the lower count already: it is lowered twice, and link(2)
 * of a file whose count is 0 is ENOENT (fs/namei.c:vfs_link).
 *
 * So for some time after a file has lost one of its names, the kernel is told before each reply that what it knows of
 * the file is no longer valid: it passes attributes that it asked for before that on to the caller, and does not keep
 * them (fs/fuse/inode.c:fuse_change_attributes, attr_version). link(2) waits for unlink(2) of the same inode and
 * comes with a new count: from then on all is settled.
 */
import type { NodeId } from '../base/ids';
import type { Kernel } from '../vfs/filesystem';
import type { File } from './inode';

/** Longer than a caller of unlink(2) is likely to wait for a CPU. */
const SETTLE_MS = 5_000;

/** The file has lost a name and has others. */
export function linkLost(file: File): void {
  file.linkLostAt = performance.now();
}

/** The kernel has taken over the count. */
export function linksSettled(file: File): void {
  file.linkLostAt = 0;
}

/**
 * Makes the kernel ignore the attributes in the reply that follows.
 * Preconditions: `linkLostAt` is not 0.
 */
export function keepFromCache(kernel: Kernel, file: File, node: NodeId): void {
  if (performance.now() - file.linkLostAt > SETTLE_MS) linksSettled(file);
  else kernel.invalidateAttributes(node);
}
