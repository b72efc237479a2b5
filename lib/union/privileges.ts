/**
 * What a change takes from a file besides: its set-ID bits and its capabilities (fs/attr.c:setattr_should_drop_suidgid,
 * fs/open.c:chown_common). With FUSE_HANDLE_KILLPRIV_V2 this is the file system's to do, and the kernel says little:
 *
 *   WRITE, OPEN, SETATTR of a size   a flag, set where the caller has no CAP_FSETID
 *   SETATTR of an owner or group     the flag always; the kernel has checked the ids, not that bits may be cleared
 *   SETATTR of nothing               chown(f, -1, -1) by anybody at all, unchecked, or the kernel's own "clear what a
 *                                    write clears" before a write to a backing file, fallocate or copy_file_range
 *   REMOVEXATTR of capabilities      removexattr(2), or the kernel before any of the above
 *
 * The last two cannot be told apart by the message. A chown must be refused where it would clear bits of another's
 * file, and a write through an inherited descriptor must clear them: so for files with set-ID bits, and for no others,
 * a job looks at the system call that the caller waits in. Whoever waits for our answer stays in it until then.
 * Where /proc does not show it (another pid namespace, another user's process for a rootless daemon), a stranger's
 * change of nothing clears only what somebody may be writing to.
 *
 * Group membership matters for one case: set-group-ID without group execute, which a member's write leaves alone.
 *
 * Capabilities of the upper file are dropped by its own file system, whenever we write to it, cut it or chown it.
 */
import type { ByteString } from '../base/bytes';
import { type Count, ENODATA, EOPNOTSUPP, EPERM, type Errno, OK, PARKED } from '../base/errno';
import { chmodAt } from '../sys/attr';
import { CAP_FOWNER, CAP_FSETID, type Credentials, credentialsOf, isChown } from '../sys/process';
import { newStat, type Stat, statAt } from '../sys/stat';
import { getxattr, setxattr } from '../sys/xattr';
import { S_IFMT, S_IFREG, S_ISGID, S_ISUID } from '../vfs/flags';
import { type Call, type SetAttr, TimeSource } from '../vfs/types';
import type { Core } from './core';
import type { File, Inode, Node } from './inode';
import type { OpenFile } from './open-files';

const SET_ID = S_ISUID | S_ISGID;
const MODE_BITS = 0o7777;
const GROUP_EXECUTE = 0o010;
const ROOT = 0;

/** What a SETATTR takes from the file; one object, refilled by `loses`. */
export interface Loss {
  /** Mode bits to be cleared. */
  bits: number;
  /** The change is a chown without ids: it renews ctime and drops capabilities. */
  chowns: boolean;
  /** There is nothing to be done at all, not even a copy-up. */
  nothing: boolean;
}

export function newLoss(): Loss {
  return { bits: 0, chowns: false, nothing: false };
}

/** A change of nothing: see above. */
function isEmpty({ mode, uid, gid, size, atime, mtime }: SetAttr): boolean {
  const times = atime !== TimeSource.Keep || mtime !== TimeSource.Keep;
  return mode === null && uid === null && gid === null && size === null && !times;
}

/**
 * May the caller make this change, as far as it clears bits, and which?
 * Preconditions: nothing has been done for it yet.
 */
export function loses(core: Core, call: Call, node: Node, change: SetAttr, out: Loss): Errno {
  const inode = node.inode;
  const empty = isEmpty(change);
  out.bits = 0;
  out.chowns = empty;
  out.nothing = false;
  if (inode.isDir || (!empty && !change.killPriv)) return OK;
  const errno = core.statOf(inode, core.stat);
  if (errno !== OK || (core.stat.mode & SET_ID) === 0) return errno;
  if (empty) return losesByNothing(core, call, node, inode, out);
  out.bits = clearedBits(call, core.stat);
  const chowns = change.uid !== null || change.gid !== null;
  return chowns ? mayClear(call, core.stat, out.bits) : OK;
}

function losesByNothing(core: Core, call: Call, node: Node, file: File, out: Loss): Errno {
  const chowns = inChown(core, call, file);
  if (chowns === PARKED) return PARKED;
  const { stat } = core;
  if (chowns === true) {
    out.bits = clearedBits(call, stat);
    return mayClear(call, stat, out.bits);
  }
  if (chowns === false) {
    // Cached, the write itself clears them: it is about to come, or it is not.
    out.nothing = !file.upper || credentials(call)?.has(CAP_FSETID) === true;
    out.bits = out.nothing ? 0 : clearedBits(call, stat);
    out.chowns = false;
    return OK;
  }
  if (call.uid === ROOT || call.uid === stat.uid) {
    out.bits = clearedBits(call, stat);
    return OK;
  }
  out.chowns = false;
  out.nothing = !core.kernel.passthrough;
  out.bits = out.nothing ? 0 : clearedBits(call, stat);
  return out.nothing || node.bound?.upper ? OK : EPERM;
}

/** Does the caller wait in chown(2) or its kin? Null where that cannot be told. */
function inChown(core: Core, call: Call, file: File): boolean | null | typeof PARKED {
  const result = core.ownResult(call);
  if (result !== null) return result < 0 ? null : isChown(result);
  // A lower file has the bits that it had when this was found out: only a chown goes on to wait for the copy.
  if (call.jobResult !== null && !file.upper) return true;
  return core.parkOnOwn(call, { kind: 'system-call', thread: call.pid }, () => undefined) as typeof PARKED;
}

/** EPERM where the caller may not change the file's mode (fs/attr.c:setattr_prepare). */
function mayClear(call: Call, { uid, gid }: Stat, bits: number): Errno {
  if (bits === 0 || call.uid === uid) return OK;
  const caller = credentials(call);
  const may = caller === null ? call.uid === ROOT : caller.hasFor(CAP_FOWNER, uid, gid);
  return may ? OK : EPERM;
}

/** What a caller without CAP_FSETID clears by a write, and any caller by a chown. */
function clearedBits(call: Call, stat: Stat): number {
  const { mode } = stat;
  const keepsGroup = (mode & GROUP_EXECUTE) === 0 && (mode & S_ISGID) !== 0 && isMember(call, stat);
  return mode & (keepsGroup ? S_ISUID : SET_ID);
}

/** fs/attr.c:in_group_or_capable. */
function isMember(call: Call, { uid, gid }: Stat): boolean {
  if (call.gid === gid) return true;
  const caller = credentials(call);
  return caller !== null && (caller.groups.has(gid) || caller.hasFor(CAP_FSETID, uid, gid));
}

function credentials(call: Call): Credentials | null {
  return credentialsOf(call.pid, call.uid, call.gid);
}

export const CAPABILITY = 'security.capability' as ByteString;
/** struct vfs_ns_cap_data has 24 bytes. */
const capability = Buffer.alloc(64);
const before = newStat();
const after = newStat();

/**
 * Writes to an upper file without taking anything from it. Our own write takes its capabilities, and without
 * CAP_FSETID its set-ID bits: both are put back.
 */
export function keepingPrivileges({ fd, inode }: OpenFile, write: () => Count): Count {
  const size = inode.bare === true ? -ENODATA : getxattr(fd, null, CAPABILITY, capability);
  if (size < 0 && size !== -ENODATA && size !== -EOPNOTSUPP) return size;
  let errno = statAt(fd, null, before);
  if (errno !== OK) return -errno;
  const written = write();
  if (size > 0) errno = setxattr(fd, null, CAPABILITY, capability.subarray(0, size));
  if (errno === OK && (before.mode & SET_ID) !== 0) errno = restoreMode(fd);
  return errno === OK ? written : -errno;
}

function restoreMode(fd: number): Errno {
  const errno = statAt(fd, null, after);
  if (errno !== OK || after.mode === before.mode) return errno;
  return chmodAt(fd, null, before.mode & MODE_BITS);
}

/** The bits that a write clears which the kernel says is by a caller without CAP_FSETID. */
export function lostByWrite(call: Call, stat: Stat): number {
  if ((stat.mode & SET_ID) === 0 || (stat.mode & S_IFMT) !== S_IFREG) return 0;
  return clearedBits(call, stat);
}

/** The same where the kernel does not say. */
export function lostByAnyWrite(call: Call, stat: Stat): number {
  const bits = lostByWrite(call, stat);
  if (bits === 0) return 0;
  const caller = credentials(call);
  return (caller === null ? call.uid === ROOT : caller.has(CAP_FSETID)) ? 0 : bits;
}

/**
 * May the capabilities of a file be removed? The kernel asks before it changes anything else, in the name of whoever
 * writes to the file or chowns it. EOPNOTSUPP makes it go on without (security/commoncap.c:cap_inode_killpriv).
 */
export function mayLoseCapabilities(core: Core, call: Call, inode: Inode): Errno {
  if (inode.isDir) return OK;
  const errno = core.statOf(inode, core.stat);
  if (errno !== OK || (core.stat.mode & SET_ID) === 0 || call.uid === core.stat.uid) return errno;
  const chowns = inChown(core, call, inode);
  if (chowns === PARKED) return PARKED;
  if (chowns === null) return call.uid === ROOT ? OK : EOPNOTSUPP;
  return chowns ? mayClear(call, core.stat, clearedBits(call, core.stat)) : OK;
}
