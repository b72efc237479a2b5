/**
 * One request on its way through a row of the opcode table: who asks, the decoded arguments, the results. A
 * serving thread has one of each and reuses them, so that a request costs no allocation.
 */
import type { ByteString, Name } from '../base/bytes';
import type { Count, Errno } from '../base/errno';
import { type Fh, NO_FH, NO_NODE, type NodeId } from '../base/ids';
import type { FileSystem } from '../vfs/filesystem';
import { Attr, Call, Entry, Opened, SetAttr, StatFs } from '../vfs/types';
import { DirentPlusSink, DirentSink } from './dirent';
import type { Forgetting } from './forgetting';
import type { Parking } from './parking';
import { Reply } from './reply';
import type { Request } from './request';

const EMPTY = Buffer.alloc(0);

/** What a row decodes. A field is only valid for the operations whose row sets it. */
export class Arguments {
  /** The header's node. */
  node = NO_NODE;
  fh: Fh = NO_FH;
  name = '' as Name;
  newNode: NodeId = NO_NODE;
  newName = '' as Name;
  newFh: Fh = NO_FH;
  target = '' as ByteString;
  mode = 0;
  flags = 0;
  major = 0;
  minor = 0;
  offset = 0;
  newOffset = 0;
  length = 0;
  data: Buffer = EMPTY;
  killPriv = false;
  mapped = false;
  dataOnly = false;
  /** The request to interrupt. */
  uniqueLow = 0;
  uniqueHigh = 0;
  readonly change = new SetAttr();
}

/** What was agreed with the kernel, as far as rows differ by it. */
export interface Connection {
  readonly minor: number;
  /** Opens carry a backing file where the file system gives one. */
  readonly passthrough: boolean;
  /** OPEN, OPENDIR and FLUSH are refused once and never come again. */
  readonly zeroMessageOpens: boolean;
  /** SETXATTR has its long form (SETXATTR_EXT). */
  readonly longSetxattr: boolean;
}

export class Exchange {
  readonly call = new Call();
  readonly args = new Arguments();
  readonly reply = new Reply();
  readonly dirents = new DirentSink(this.reply);
  readonly direntsPlus = new DirentPlusSink(this.reply);
  readonly entry = new Entry();
  readonly attr = new Attr();
  readonly opened = new Opened();
  readonly statfs = new StatFs();
  /** The number that the file system returned, where that is the result. */
  count = 0;

  constructor(
    readonly fs: FileSystem,
    readonly connection: Connection,
    readonly parking: Parking,
    readonly forgetting: Forgetting,
    /** The request that is being handled; set by the dispatcher. */
    public request: Request,
  ) {}

  /** Keeps a count, or gives the errno that it stands for. */
  counted(count: Count): Errno {
    this.count = count;
    return count < 0 ? -count : 0;
  }
}
