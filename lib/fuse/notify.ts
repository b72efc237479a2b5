/**
 * Notifications to the kernel, which the serving thread writes by itself: the kernel takes no lock for them that a
 * request under way may hold. Of what is cached only attributes are ever invalidated (offset -1: no data;
 * fs/fuse/inode.c:fuse_reverse_inval_inode). Data is stored only in the page cache of nodes that nobody has open:
 * their pages are locked by no READ (fs/fuse/dev.c:fuse_notify_store).
 */
import type { NodeId } from '../base/ids';
import { pread, write } from '../sys/io';
import { NOTIFY_INVAL_INODE, NOTIFY_STORE, OUT_HEADER_BYTES } from './abi';

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

/** Header and struct fuse_notify_store_out, before the data. */
export const STORE_HEAD_BYTES = OUT_HEADER_BYTES + 24;
const STORE_BYTES = 128 * 1024;

const stored = Buffer.alloc(STORE_HEAD_BYTES + STORE_BYTES);
const storedData = stored.subarray(STORE_HEAD_BYTES);

/** What comes before the data that is stored from a node's first byte on. */
export function encodeStore(node: NodeId, length: number, into: Buffer): void {
  into.writeUInt32LE(STORE_HEAD_BYTES + length, 0);
  into.writeInt32LE(NOTIFY_STORE, 4);
  into.writeBigUInt64LE(0n, 8);
  into.writeBigUInt64LE(BigInt(node), 16);
  into.writeBigUInt64LE(0n, 24);
  into.writeUInt32LE(length, 32);
  into.writeUInt32LE(0, 36);
}

/**
 * Puts the first bytes of an open file into a node's page cache. What fails here is read by READ later.
 * Preconditions: nobody has the node open; `length` is at most 128 KiB.
 */
export function storeContent(device: number, node: NodeId, fd: number, length: number): void {
  if (length === 0 || pread(fd, storedData, 0, length) !== length) return;
  encodeStore(node, length, stored);
  write(device, stored, STORE_HEAD_BYTES + length);
}
