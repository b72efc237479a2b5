/** Socket pairs, and receiving a file descriptor through one: socketpair(2), recvmsg(2) with SCM_RIGHTS. */
import koffi from 'koffi';
import { type Count, EPROTO, type Errno } from '../base/errno';
import { countOf, errnoOf, native } from './libc';

const cSocketpair = native('int socketpair(int, int, int, void *)');
const cRecvmsg = native('int64_t recvmsg(int, void *, int)');

const AF_UNIX = 1;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
export const SOCK_STREAM = 1;
export const SOCK_SEQPACKET = 5;
const SOCK_CLOEXEC = 0o2000000;
const MSG_CMSG_CLOEXEC = 0x40000000;

/** socketpair(2) of Unix sockets that are close-on-exec: both ends, or an errno. */
export function socketPair(type: number): readonly [number, number] | Errno {
  const pair = Buffer.alloc(8);
  const errno = errnoOf(cSocketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair));
  return errno === 0 ? [pair.readInt32LE(0), pair.readInt32LE(4)] : errno;
}

/** struct cmsghdr: length, level, type; then the descriptor. */
const CMSG_BYTES = 24;

/** Waits for a message with one descriptor, and returns it, close-on-exec. EPROTO: it came without one. */
export function receiveDescriptor(socket: number): Count {
  const byte = Buffer.alloc(1);
  const control = Buffer.alloc(CMSG_BYTES);
  const iovec = Buffer.alloc(16);
  iovec.writeBigUInt64LE(koffi.address(byte), 0);
  iovec.writeBigUInt64LE(1n, 8);
  const message = Buffer.alloc(56);
  message.writeBigUInt64LE(koffi.address(iovec), 16);
  message.writeBigUInt64LE(1n, 24);
  message.writeBigUInt64LE(koffi.address(control), 32);
  message.writeBigUInt64LE(BigInt(CMSG_BYTES), 40);
  const received = countOf(cRecvmsg(socket, message, MSG_CMSG_CLOEXEC));
  if (received < 0) return received;
  const hasDescriptor =
    received === 1 &&
    message.readBigUInt64LE(40) >= 20n &&
    control.readInt32LE(8) === SOL_SOCKET &&
    control.readInt32LE(12) === SCM_RIGHTS;
  return hasDescriptor ? control.readInt32LE(16) : -EPROTO;
}
