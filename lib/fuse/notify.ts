/**
 * Notifications to the kernel. Only cached attributes are ever invalidated (offset -1: no data): for that the
 * kernel takes no lock that a request under way may hold (fs/fuse/inode.c:fuse_reverse_inval_inode), so the serving
 * thread writes it by itself.
 */
import type { NodeId } from '../base/ids';
import { write } from '../sys/io';
import { NOTIFY_INVAL_INODE, OUT_HEADER_BYTES } from './abi';

/** Header and struct fuse_notify_inval_inode_out. */
export const INVAL_INODE_BYTES = OUT_HEADER_BYTES + 24;

/** A notification that a node's cached attributes and ACLs are no longer valid. */
export function encodeInvalidAttributes(node: NodeId, into: Buffer): void {
  into.writeUInt32LE(INVAL_INODE_BYTES, 0);
  into.writeInt32LE(NOTIFY_INVAL_INODE, 4);
  into.writeBigUInt64LE(0n, 8);
  into.writeBigUInt64LE(BigInt(node), 16);
  into.writeBigInt64LE(-1n, 24);
  into.writeBigInt64LE(0n, 32);
}

const message = Buffer.alloc(INVAL_INODE_BYTES);

/** Writes it; a node that the kernel has forgotten meanwhile is as good as done. */
export function invalidateAttributes(device: number, node: NodeId): void {
  encodeInvalidAttributes(node, message);
  write(device, message);
}
