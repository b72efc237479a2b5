/** Errnos: the one currency for failure inside stratafs. On hot paths they are returned, never thrown. */
import { constants } from 'node:os';

/** 0 for success, else a positive errno(3) number. */
export type Errno = number;

/** A number of bytes (or other non-negative result), or a negated errno. */
export type Count = number;

/** 1 for yes, 0 for no, or a negated errno: a question that could not be asked has no answer. */
export type Answer = number;

export const OK: Errno = 0;

/**
 * Not an errno(3): the answer of an operation that waits for a job (see lib/vfs/jobs.ts). It never reaches a
 * caller; the transport runs the same request again when the job is done.
 */
export const PARKED: Errno = 0x7fff;

export const {
  EPERM,
  ENOENT,
  EINTR,
  EIO,
  ENXIO,
  E2BIG,
  EBADF,
  EAGAIN,
  ENOMEM,
  EACCES,
  EBUSY,
  EEXIST,
  EXDEV,
  ENODEV,
  ENOTDIR,
  EISDIR,
  EINVAL,
  ENFILE,
  EMFILE,
  ENOTTY,
  ETXTBSY,
  EFBIG,
  ENOSPC,
  ESPIPE,
  EROFS,
  EMLINK,
  EPIPE,
  ERANGE,
  ENAMETOOLONG,
  ENOSYS,
  ENOTEMPTY,
  ELOOP,
  ENODATA,
  EPROTO,
  EOVERFLOW,
  EOPNOTSUPP,
  EDQUOT,
  ESTALE,
} = constants.errno;

const NAMES = new Map<number, string>(
  Object.entries(constants.errno).map(([name, value]): [number, string] => [value, name]),
);
NAMES.set(EOPNOTSUPP, 'EOPNOTSUPP').set(EAGAIN, 'EAGAIN');

/** The errno's symbol, e.g. `ENOENT`; `OK` for 0; `errno 999` for an unknown one. */
export function errnoName(errno: Errno): string {
  if (errno === OK) return 'OK';
  if (errno === PARKED) return 'PARKED';
  return NAMES.get(errno) ?? `errno ${errno}`;
}
