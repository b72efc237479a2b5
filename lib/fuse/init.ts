/**
 * The first exchange: what the kernel offers (struct fuse_init_in), what is asked of it, and what follows for
 * the connection. The choice between the two ways of moving data is made here, once, for the life of the mount:
 * a kernel that has seen ENOSYS for OPEN never opens with a message again, and only opens with a message can
 * carry a backing file.
 */
import type { IoMode } from '../vfs/transport';
import { Init, Init2, MAJOR, MAX_PAGES, MAX_WRITE, MINOR, OLDEST_MINOR, Opcode } from './abi';
import type { Connection } from './exchange';
import type { Reply } from './reply';
import type { Request } from './request';

const MAX_BACKGROUND = 64;
const CONGESTION_THRESHOLD = 48;

/** What the kernel says of itself. */
export interface Offer {
  readonly major: number;
  readonly minor: number;
  readonly maxReadahead: number;
  readonly flags: number;
  readonly flags2: number;
}

/** What the mount wants and may. */
export interface Wishes {
  readonly io: IoMode | 'auto';
  readonly readOnly: boolean;
  readonly defaultPermissions: boolean;
  readonly stackDepth: 1 | 2;
  /** This thread may register backing files. */
  readonly mayRegisterBacking: boolean;
}

export interface Agreement extends Connection {
  readonly maxReadahead: number;
  readonly flags: number;
  readonly flags2: number;
  readonly stackDepth: number;
}

/** struct fuse_init_in, or null for another message or one that is too short. */
export function decodeInit(request: Request): Offer | null {
  if (request.opcode !== Opcode.INIT) return null;
  const offer = {
    major: request.u32(),
    minor: request.u32(),
    maxReadahead: request.u32(),
    flags: request.u32(),
    flags2: 0,
  };
  if (request.short) return null;
  return (offer.flags & Init.INIT_EXT) === 0 ? offer : { ...offer, flags2: request.u32() };
}

export type Refusal = 'protocol-too-old' | 'no-passthrough';

export function negotiate(offer: Offer, wishes: Wishes): Agreement | Refusal {
  if (offer.major < MAJOR || (offer.major === MAJOR && offer.minor < OLDEST_MINOR)) return 'protocol-too-old';
  const canPassThrough = (offer.flags2 & Init2.PASSTHROUGH) !== 0 && wishes.mayRegisterBacking;
  if (wishes.io === 'passthrough' && !canPassThrough) return 'no-passthrough';
  const passthrough =
    wishes.io === 'passthrough' || (wishes.io === 'auto' && canPassThrough && !wishes.readOnly);
  const zeroMessage = Init.NO_OPEN_SUPPORT | Init.NO_OPENDIR_SUPPORT;
  const zeroMessageOpens = !passthrough && (offer.flags & zeroMessage) === zeroMessage;
  const flags =
    offer.flags &
    (Init.ASYNC_READ |
      Init.BIG_WRITES |
      Init.DONT_MASK |
      Init.DO_READDIRPLUS |
      Init.READDIRPLUS_AUTO |
      Init.PARALLEL_DIROPS |
      Init.MAX_PAGES |
      Init.CACHE_SYMLINKS |
      Init.HANDLE_KILLPRIV_V2 |
      Init.SETXATTR_EXT |
      Init.INIT_EXT |
      // The kernel takes POSIX_ACL as a wish for default_permissions too.
      (wishes.defaultPermissions ? Init.POSIX_ACL : 0) |
      // Without an OPEN message nobody would truncate.
      (zeroMessageOpens ? 0 : Init.ATOMIC_O_TRUNC));
  const flags2 =
    offer.flags2 &
    (Init2.CREATE_SUPP_GROUP |
      Init2.HAS_RESEND |
      // A file handle would hold as long as the kernel's cache only.
      Init2.NO_EXPORT_SUPPORT |
      // ALLOW_IDMAP is left out: with it only requests that create name their caller.
      (passthrough ? Init2.PASSTHROUGH : 0));
  return {
    minor: Math.min(offer.minor, MINOR),
    passthrough,
    zeroMessageOpens,
    longSetxattr: (flags & Init.SETXATTR_EXT) !== 0,
    maxReadahead: offer.maxReadahead,
    flags,
    flags2,
    stackDepth: passthrough ? wishes.stackDepth : 0,
  };
}

/** struct fuse_init_out, 64 bytes. */
export function putInit(reply: Reply, agreement: Agreement): void {
  reply.u32(MAJOR);
  reply.u32(MINOR);
  reply.u32(agreement.maxReadahead);
  reply.u32(agreement.flags);
  reply.u16(MAX_BACKGROUND);
  reply.u16(CONGESTION_THRESHOLD);
  reply.u32(MAX_WRITE);
  reply.u32(1);
  reply.u16(MAX_PAGES);
  reply.u16(0);
  reply.u32(agreement.flags2);
  reply.u32(agreement.stackDepth);
  reply.zeros(24);
}
