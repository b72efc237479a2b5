/** What all operations of one union share: the stack, the tables, and the few steps that every operation needs. */
import type { ByteString, Name } from '../base/bytes';
import {
  type Count,
  EACCES,
  EAGAIN,
  EINVAL,
  ENOENT,
  EOPNOTSUPP,
  EOVERFLOW,
  EPERM,
  ERANGE,
  EROFS,
  type Errno,
  ESTALE,
  OK,
  PARKED,
} from '../base/errno';
import type { Ino, JobId, NodeId } from '../base/ids';
import type { Logger } from '../base/log';
import type { ListingIndex } from '../index/index-store';
import { Descriptors } from '../layer/descriptors';
import type { Layer } from '../layer/layer';
import { decodeOrigin } from '../layer/origin';
import { PrivateXattrs } from '../layer/private-xattr';
import { RealDir } from '../layer/real-dir';
import { actAs, setUmask } from '../sys/attr';
import { openByHandle } from '../sys/handle';
import { close } from '../sys/open';
import { newStat, type Stat, statAt } from '../sys/stat';
import { getxattr } from '../sys/xattr';
import type { Kernel } from '../vfs/filesystem';
import { O_NOATIME, O_PATH } from '../vfs/flags';
import type { Job, JobRunner } from '../vfs/jobs';
import type { Attr, Call, Entry } from '../vfs/types';
import { Dir, type File, type Inode, type Node } from './inode';
import { InodeNumbers } from './inode-number';
import { LeaseWaits } from './lease-waits';
import { keepFromCache } from './link-counts';
import { LowerListings } from './lower-listings';
import { NodeTable } from './node-table';
import { OpenFiles } from './open-files';
import type { UnionOptions } from './options';
import { Slices, TINY_SLICES, USUAL_SLICES } from './slices';
import { StaleOpens } from './stale-opens';
import type { Workdir } from './workdir';

/** Where the real file of an inode is: a name in a directory, or (name null) a descriptor itself. */
export interface Place {
  /** Or a negated errno, where the directory cannot be reached. */
  fd: number;
  name: Name | null;
}

const ROOT_NAME = '/' as Name;
const ORIGIN_BYTES = 256;
/** What open_by_handle_at(2) says of a handle that belongs to no file here, or that we may not open. */
const LEADS_NOWHERE: ReadonlySet<Errno> = new Set([
  ESTALE,
  ENOENT,
  EINVAL,
  EOPNOTSUPP,
  EPERM,
  EACCES,
  EOVERFLOW,
]);

export class Core {
  readonly xattrs: PrivateXattrs;
  readonly numbers: InodeNumbers;
  readonly listings: LowerListings;
  readonly slices: Slices;
  readonly leases: LeaseWaits;
  readonly files: OpenFiles;
  readonly table: NodeTable;
  readonly staleOpens = new StaleOpens();
  readonly descriptors: Descriptors;
  /** Set by init. */
  kernel!: Kernel;
  /** What a file without xattrs is answered for a name, by layer and file type; see ops/xattrs.ts. */
  readonly missingXattrs: Map<ByteString, Count>[] = [];
  /** statx calls for files of read-only layers, once found. */
  lowerStats = 0;
  /** Scratch of one request. */
  readonly stat: Stat = newStat();
  private readonly originValue = Buffer.alloc(ORIGIN_BYTES);

  /**
   * @param upper null for a read-only mount, as is `work`
   * @param lowers newest first
   * @param fdLimit descriptors that may be kept open between requests
   */
  constructor(
    readonly options: UnionOptions,
    readonly upper: Layer | null,
    readonly lowers: readonly Layer[],
    readonly work: Workdir | null,
    readonly jobs: JobRunner,
    readonly log: Logger,
    readonly index: ListingIndex,
    fdLimit: number,
    private readonly onForgottenFile: (core: Core, file: File) => void,
  ) {
    const layers = upper === null ? lowers : [upper, ...lowers];
    this.xattrs = new PrivateXattrs(options.xattrs);
    this.numbers = new InodeNumbers(layers, options.xino);
    this.slices = new Slices(options.tinySlices ? TINY_SLICES : USUAL_SLICES, log);
    this.listings = new LowerListings(this.xattrs, index, this.slices);
    this.descriptors = new Descriptors(fdLimit);
    const keepAtime = options.noatime === true && upper?.detached === false;
    this.files = new OpenFiles(this.descriptors, keepAtime ? O_NOATIME : 0);
    this.leases = new LeaseWaits(
      () => this.slices.newId(),
      (file) => {
        const open = this.files.of(file);
        return typeof open === 'number' ? -open : OK;
      },
    );
    const rootOf = (layer: Layer): RealDir => new RealDir(layer, null, ROOT_NAME, this.descriptors);
    const top = lowers[0]!;
    const root = new Dir(
      this.numbers.of(top, top.rootIno),
      null,
      ROOT_NAME,
      upper === null ? null : rootOf(upper),
      lowers.map(rootOf),
    );
    this.table = new NodeTable(root, (inode) => this.close(inode));
    if (work !== null) work.removeLater = (name) => this.removeLater(work.fd, name);
  }

  /** Closes what an inode holds that nobody knows any more. */
  private close(inode: Inode): void {
    if (inode.isDir) {
      if (inode.work !== null) this.slices.cancel(inode.work);
      this.listings.drop(inode);
      for (const real of inode.upper === null ? inode.lowers : [inode.upper, ...inode.lowers]) {
        real.unpin();
        real.close();
      }
    } else {
      this.onForgottenFile(this, inode);
      this.files.discard(inode);
      if (inode.held < 0) return;
      close(inode.held);
      inode.held = -1;
      this.descriptors.unpin(inode.payer);
    }
  }

  /** Keeps a file that has no name (any more) by a descriptor, which is the core's from here on; at the cost of `uid`. */
  hold(file: File, fd: Count, uid: number): Errno {
    if (fd < 0) return -fd;
    const errno = this.descriptors.pin(uid);
    if (errno !== OK) {
      close(fd);
      return errno;
    }
    file.held = fd;
    file.payer = uid;
    return OK;
  }

  /** What is to be done when a running job ends. */
  private readonly running = new Map<JobId, (result: number) => void>();
  /** Running jobs whose result is one request's own. */
  private readonly own = new Set<JobId>();
  /** The job that ended last: a request that runs again now has waited for it. Changed by jobDone only. */
  private ended = 0 as JobId;
  private endedIsOwn = false;

  /**
   * Starts a job that any request may wait for.
   * @param done called with the job's result, before the requests that wait for it run again
   */
  startJob(job: Job, done: (result: number) => void): JobId {
    const id = this.jobs.start(job);
    this.running.set(id, done);
    return id;
  }

  /** Starts a job whose result is this request's, and nobody else's; it asks for that by `ownResult`. */
  parkOnOwn(call: Call, job: Job, done: () => void): Errno {
    const id = this.startJob(job, done);
    this.own.add(id);
    call.job = id;
    return PARKED;
  }

  /** The result of the job that this request has started by `parkOnOwn`; null before, and after any other job. */
  ownResult(call: Call): number | null {
    return this.endedIsOwn ? call.jobResult : null;
  }

  /** Does the request run again because this job has ended? */
  hasWaitedFor(call: Call, job: JobId): boolean {
    return call.jobResult !== null && this.ended === job;
  }

  /** Nobody waits for it: what is removed is out of the view already. */
  private removeLater(dir: number, name: Name): void {
    this.startJob({ kind: 'remove-tree', dir, name }, () => {});
  }

  /** What an operation answers: PARKED where it needs a file that cannot be opened now for somebody's lease. */
  unlessLeased(call: Call, errno: Errno): Errno {
    const file = this.files.leased;
    if (errno !== EAGAIN || file === null) return errno;
    this.files.leased = null;
    return this.leases.park(call, file);
  }

  /** Does a job run that was started here? */
  get busy(): boolean {
    return this.running.size > 0;
  }

  jobDone(id: JobId, result: number): void {
    const done = this.running.get(id);
    this.running.delete(id);
    this.ended = id;
    this.endedIsOwn = this.own.delete(id);
    done?.(result);
  }

  /** EROFS on a read-only mount. */
  get writable(): Errno {
    return this.upper === null ? EROFS : 0;
  }

  node(id: NodeId): Node | undefined {
    return this.table.get(id);
  }

  /** The directory of a number that the kernel sent; ESTALE for one it cannot know. */
  dir(id: NodeId): Dir | Errno {
    const inode = this.table.get(id)?.inode;
    return inode?.isDir ? inode : ESTALE;
  }

  private readonly place: Place = { fd: -1, name: null };

  /** Where the inode's real file is. The result is valid until the next call. */
  placeOf(inode: Inode): Place {
    const place = this.place;
    if (inode.isDir) {
      place.fd = inode.top.fd();
      place.name = null;
    } else if (!inode.upper) {
      place.fd = inode.lowerDir!.fd();
      place.name = inode.lowerName;
    } else if (inode.parent === null) {
      place.fd = inode.held >= 0 ? inode.held : -ESTALE;
      place.name = null;
    } else {
      place.fd = inode.parent.upper!.fd();
      place.name = inode.name;
    }
    return place;
  }

  /** statx(2) of the inode's real file. */
  statOf(inode: Inode, out: Stat): Errno {
    const errno = this.statReal(inode, out);
    if (errno === 0) inode.guard = out.guard;
    return errno;
  }

  private statReal(inode: Inode, out: Stat): Errno {
    const open = inode.isDir ? null : inode.open;
    if (open !== null && open.fd >= 0 && open.upper === inode.upper) return statAt(open.fd, null, out);
    const place = this.placeOf(inode);
    if (inode.isDir ? inode.upper === null : !inode.upper) this.lowerStats++;
    return place.fd < 0 ? -place.fd : statAt(place.fd, place.name, out);
  }

  /** The attributes that programs see, from those of the real file. */
  fill(inode: Inode, stat: Stat, out: Attr): void {
    out.ino = inode.ino;
    out.mode = stat.mode;
    out.nlink = this.linksOf(inode, stat);
    out.uid = stat.uid;
    out.gid = stat.gid;
    out.rdevMajor = stat.rdevMajor;
    out.rdevMinor = stat.rdevMinor;
    out.size = stat.size;
    out.blocks = stat.blocks;
    out.blksize = stat.blksize;
    out.atimeSec = stat.atimeSec;
    out.atimeNs = stat.atimeNs;
    out.mtimeSec = stat.mtimeSec;
    out.mtimeNs = stat.mtimeNs;
    out.ctimeSec = stat.ctimeSec;
    out.ctimeNs = stat.ctimeNs;
    out.hasBtime = stat.hasBtime;
    out.btimeSec = stat.btimeSec;
    out.btimeNs = stat.btimeNs;
    out.cacheable = inode.nodes < 2 && inode.node !== null;
  }

  /** A merged directory has one link, as in overlayfs: programs then do not count subdirectories by it. */
  private linksOf(inode: Inode, stat: Stat): number {
    if (inode.isDir) {
      return inode.dead ? 0 : inode.isMerged ? 1 : stat.nlink;
    }
    return inode.parent === null && !inode.upper ? 0 : stat.nlink;
  }

  /**
   * Must the node give way to a new one before it is written to? The kernel has it bound to the lower file then, which
   * a writer cannot share (see open-files.ts).
   */
  mustRetire(node: Node): boolean {
    return this.kernel.passthrough && node.bound !== null && !node.bound.upper;
  }

  /**
   * The name's next lookup gives a new node; this one stays valid for who has it. The kernel keeps attributes by node
   * and does not know that the two are one file, so from now on it keeps those of neither (see `fill`).
   */
  retire(node: Node): void {
    if (node.inode.node !== node) return;
    this.table.retire(node.inode);
    this.kernel.invalidateAttributes(node.id);
  }

  /**
   * Set while the pages of a mapping are written. Nobody need hold the file then: the kernel may be about to drop its
   * inode as soon as they are, and would not take a notification before (fs/inode.c:ilookup5). Such a write makes it
   * ask for attributes anyway. Changed by ops/data.ts:write only.
   */
  writesPages = false;

  /** The daemon has changed attributes of an inode that the kernel does not ask for by itself. */
  attributesChanged(inode: Inode): void {
    if (inode.node !== null && !this.writesPages) this.kernel.invalidateAttributes(inode.node.id);
  }

  /** Answers an operation that gives a node: the kernel knows the inode from here on. */
  answer(inode: Inode, stat: Stat, out: Entry): void {
    out.node = this.table.know(inode).id;
    if (stat.nlink > 1 && !inode.isDir && inode.upper) this.table.rememberLinked(inode);
    if (!inode.isDir && inode.linkLostAt !== 0) keepFromCache(this.kernel, inode, out.node);
    this.fill(inode, stat, out.attr);
  }

  /** The inode number of an upper file: its origin's, where it was copied up. */
  numberOfUpper(dir: Dir, name: Name, stat: Stat): Ino | Count {
    const own = this.numbers.of(this.upper!, stat.ino);
    const impure = dir.upper!.isImpure(this.xattrs);
    if (impure !== 1) return impure < 0 ? impure : own;
    const fd = dir.upper!.fd();
    return fd < 0 ? fd : this.originNumber(fd, name, own);
  }

  /** @param own the answer where it has no origin, or one that is not in this stack (any more) */
  private originNumber(dir: number, name: Name, own: Ino): Ino | Count {
    const length = getxattr(dir, name, this.xattrs.origin, this.originValue);
    if (length < 0) return length === -ERANGE || this.xattrs.saysNone(length) ? own : length;
    const origin = decodeOrigin(this.originValue.subarray(0, length));
    if (origin === null) return own;
    const layer = this.lowers.find((lower) => lower.uuid.equals(origin.uuid));
    if (layer === undefined || layer.handleFd < 0) return own;
    const fd = openByHandle(layer.handleFd, origin.handle, O_PATH);
    if (fd < 0) return LEADS_NOWHERE.has(-fd) ? own : fd;
    const found = newStat();
    const errno = statAt(fd, null, found);
    close(fd);
    return errno === 0 ? this.numbers.of(layer, found.ino) : -errno;
  }

  private readonly uid = process.geteuid!();
  private readonly gid = process.getegid!();

  /** Would what this thread creates by itself belong to this user and group anyway? */
  isOwn(uid: number, gid: number): boolean {
    return uid === this.uid && gid === this.gid;
  }

  /** Makes what this thread creates next belong to the caller, with its umask. `actAsSelf` undoes the first. */
  actAs(call: Call): void {
    setUmask(call.umask);
    if (!this.isOwn(call.uid, call.gid)) actAs(call.uid, call.gid);
  }

  actAsSelf(call: Call): void {
    if (!this.isOwn(call.uid, call.gid)) actAs(this.uid, this.gid);
  }
}
