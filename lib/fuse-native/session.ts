/**
 * What the handlers share while a mount is served. One request is handled at a time, on the main thread: the
 * objects below are refilled for each.
 */
import { type Count, OK } from '../base/errno';
import type { FileSystem } from '../vfs/filesystem';
import { type Attr, Attr as Attributes, Call, Entry, Opened, SetAttr, StatFs } from '../vfs/types';
import { Opcode } from './opcodes';
import { OpenFiles } from './open-files';
import { type PathEntry, PathTable } from './path-table';
import type { RequestWindow } from './request-window';
import { SmallInodes } from './small-inode';
import { putStat, STAT_WORDS, STATFS_WORDS, WORD_NLINK } from './stat-words';

export class Session {
  readonly call = new Call();
  readonly attr = new Attributes();
  readonly entry = new Entry();
  readonly opened = new Opened();
  readonly change = new SetAttr();
  readonly statfs = new StatFs();
  readonly paths: PathTable;
  readonly files = new OpenFiles();
  readonly inodes = new SmallInodes();

  /** Results, as the binding reads them; set by the handlers whose reply has them. */
  readonly stat = new Uint32Array(STAT_WORDS);
  readonly statfsWords = new Uint32Array(STATFS_WORDS);
  file = 0;
  text = '';
  names: string[] = [];
  stats: Uint32Array[] = [];

  constructor(
    readonly fs: FileSystem,
    readonly window: RequestWindow,
  ) {
    this.paths = new PathTable(fs);
  }

  /** Takes over who asks, from the request in the window. The kernel has applied the umask to modes already. */
  begin(jobResult: number | null): void {
    const { call, window } = this;
    call.uid = window.uid;
    call.gid = window.gid;
    call.pid = window.pid;
    call.umask = 0;
    call.group = -1;
    call.jobResult = jobResult;
    call.job = 0;
  }

  /** Shows an entry's attributes in `stat`. */
  show(entry: PathEntry, attr: Attr): Count {
    if (attr.nlink > 1) entry.manyLinks = true;
    putStat(this.stat, attr, this.inodes.of(attr.ino));
    // libfuse counts its hidden name as a link, and takes it off again in this answer.
    if (entry.hidden && attr.nlink > 0 && this.window.opcode === Opcode.Getattr) this.stat[WORD_NLINK]! += 1;
    return OK;
  }

  /** Closes what libfuse left open, and gives back every lookup count. */
  close(): void {
    for (const file of this.files.values()) this.fs.release(file.entry.node, file.fh);
    this.paths.clear();
  }
}
