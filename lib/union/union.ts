/**
 * The union file system: many read-only layers and one writable one, seen as one tree, with the semantics and the
 * on-disk format of the kernel's overlayfs. `Union` is the FileSystem that a transport serves; each operation is a
 * function in ops/ over the shared `Core`.
 *
 * One request is one atomic step: everything here is synchronous, only data copies, syncs and the removal of trees are
 * jobs for another thread (lib/vfs/jobs.ts), and huge directories are listed in slices between requests (slices.ts). Whatever changes the upper layer is one rename or link away from done, so the
 * process may die at any moment.
 */
import type { ByteString, Name } from '../base/bytes';
import { type Count, EAGAIN, type Errno, OK } from '../base/errno';
import { type Fh, type JobId, NO_FH, type NodeId } from '../base/ids';
import type { Logger } from '../base/log';
import type { ListingIndex } from '../index/index-store';
import { closeLayer, type Layer, openLower } from '../layer/layer';
import { openWritable } from '../layer/writable';
import { ownThreadCredentials, setUmask } from '../sys/attr';
import { close, onNoDescriptors, raiseOpenFileLimit } from '../sys/open';
import type { DirPlusSink, DirSink, FileSystem, Kernel } from '../vfs/filesystem';
import { O_NONBLOCK } from '../vfs/flags';
import type { JobResult, JobRunner } from '../vfs/jobs';
import type { Attr, Call, Entry, Opened, SetAttr, StatFs } from '../vfs/types';
import { checkInvariants } from './check';
import { abandonCopy } from './copy-up';
import { Core } from './core';
import { getattr, setattr } from './ops/attributes';
import * as data from './ops/data';
import { ioctl } from './ops/ioctl';
import { readdir, readdirplus } from './ops/list';
import { lookup, readlink } from './ops/lookup';
import { link, mkdir, mknod, symlink } from './ops/make';
import { rmdir, unlink } from './ops/remove';
import { rename } from './ops/rename';
import { statfs } from './ops/statfs';
import * as xattrs from './ops/xattrs';
import type { UnionOptions } from './options';
import { Workdir } from './workdir';

const WANTED_DESCRIPTORS = 1_000_000;
/** Descriptors kept open at most, whatever the limit. */
const MAX_KEPT_DESCRIPTORS = 65_536;
const MIN_KEPT_DESCRIPTORS = 64;
/** Node's own, the log, the index. */
const OWN_DESCRIPTORS = 100;
/** What requests, and jobs for those that are parked, open and close again. */
const RESERVE = 100;
const DESCRIPTORS_PER_LAYER = 2;

/**
 * Opens the layers and prepares the work directory. Call it on the thread that will serve. The index is the
 * union's from here on, to be closed by it even where it is not opened.
 * @throws UserError where a layer or the work directory cannot be used
 */
export function openUnion(options: UnionOptions, jobs: JobRunner, log: Logger, index: ListingIndex): Union {
  const errno = ownThreadCredentials();
  if (errno !== OK) log.debug({ errno }, 'files will be created as the mounting user');
  setUmask(0);
  const taken = OWN_DESCRIPTORS + RESERVE + DESCRIPTORS_PER_LAYER * options.lowers.length;
  const spare = Math.max(raiseOpenFileLimit(WANTED_DESCRIPTORS) - taken, MIN_KEPT_DESCRIPTORS);
  const limit = Math.min(spare, MAX_KEPT_DESCRIPTORS);
  try {
    const lowers = options.lowers.map((path, i) => openLower(path, i + 1));
    const { upper, work } = openUpper(options);
    return new Union(new Core(options, upper, lowers, work, jobs, log, index, limit, abandonCopy));
  } catch (error) {
    index.close();
    throw error;
  }
}

function openUpper(options: UnionOptions): { upper: Layer | null; work: Workdir | null } {
  const { upper, work, opened } = options;
  if (upper === null || work === null) return { upper: null, work: null };
  const writable = openWritable(
    { path: upper, fd: opened?.upper ?? -1 },
    { path: work, fd: opened?.work ?? -1 },
    options.noatime ?? false,
  );
  try {
    return { upper: writable.upper, work: new Workdir(work, writable.work, options.volatile) };
  } catch (error) {
    closeLayer(writable.upper);
    throw error;
  } finally {
    close(writable.work);
  }
}

export class Union implements FileSystem {
  /** 2 where a layer lies on a stacked file system itself. */
  readonly stackDepth: 1 | 2;
  /** No mount made on top of something in a layer is seen through it. */
  readonly detached: boolean;

  constructor(private readonly core: Core) {
    const layers = core.upper === null ? core.lowers : [core.upper, ...core.lowers];
    this.stackDepth = layers.some((layer) => layer.stacked) ? 2 : 1;
    this.detached = layers.every((layer) => layer.detached);
    onNoDescriptors(() => core.descriptors.relieve());
  }

  init(kernel: Kernel): void {
    this.core.kernel = kernel;
    this.core.files.init(kernel);
  }

  destroy(): void {
    const { core } = this;
    onNoDescriptors(() => false);
    core.files.closeAll();
    core.descriptors.closeAll();
    core.work?.close();
    core.index.close();
    for (const layer of core.upper === null ? core.lowers : [core.upper, ...core.lowers]) closeLayer(layer);
  }

  jobDone(id: JobId, result: number): void {
    this.core.jobDone(id, result);
  }

  get workIn(): number {
    return this.core.slices.waiting ? 0 : this.core.leases.dueIn;
  }

  work(): JobResult | null {
    const { leases, slices } = this.begin();
    return leases.advance() ?? slices.advance();
  }

  get busy(): boolean {
    return this.core.busy;
  }

  checkInvariants(): void {
    checkInvariants(this.core);
  }

  /** Sizes and totals since the mount, for `status` and tests. */
  counters(): Record<string, number> {
    const { table, files, descriptors, listings, index, lowerStats } = this.core;
    return {
      nodes: table.size,
      openFiles: files.count,
      openDirectories: descriptors.openDirectories,
      pinnedDescriptors: descriptors.pinnedCount,
      layerProbes: listings.probes + descriptors.lowerCalls,
      layerStats: lowerStats,
      layerDirectoriesListed: listings.listed,
      ...Object.fromEntries(
        Object.entries(index.counters()).map(([name, count]) => [`index.${name}`, count]),
      ),
    };
  }

  /** System calls made in read-only layers to find names and to read a found file's attributes, since the mount. */
  get layerCalls(): number {
    const { descriptors, listings, lowerStats } = this.core;
    return descriptors.lowerCalls + listings.probes + lowerStats;
  }

  /** What an operation ends with that may open a file, or copy one up. */
  private end(call: Call, errno: Errno): Errno {
    return errno === EAGAIN ? this.core.unlessLeased(call, errno) : errno;
  }

  /** The same for open and create: with O_NONBLOCK nobody waits. */
  private opened(call: Call, flags: number, errno: Errno): Errno {
    return (flags & O_NONBLOCK) === 0 ? this.end(call, errno) : errno;
  }

  /** The same for one that counts. */
  private endCount(call: Call, count: Count): Count {
    return count === -EAGAIN ? -this.core.unlessLeased(call, EAGAIN) : count;
  }

  /** What every request begins with. */
  private begin(): Core {
    this.core.descriptors.beginRequest();
    return this.core;
  }

  lookup(_call: Call, parent: NodeId, name: Name, out: Entry): Errno {
    return lookup(this.begin(), parent, name, out);
  }

  forget(node: NodeId, count: number): void {
    this.core.table.forget(node, count);
  }

  getattr(_call: Call, node: NodeId, _fh: Fh, out: Attr): Errno {
    return getattr(this.begin(), node, out);
  }

  setattr(call: Call, node: NodeId, _fh: Fh, change: SetAttr, out: Attr): Errno {
    return this.end(call, setattr(this.begin(), call, node, change, out));
  }

  readlink(_call: Call, node: NodeId, into: Buffer): Count {
    return readlink(this.begin(), node, into);
  }

  mknod(
    call: Call,
    parent: NodeId,
    name: Name,
    mode: number,
    major: number,
    minor: number,
    out: Entry,
  ): Errno {
    return mknod(this.begin(), call, parent, name, mode, major, minor, out);
  }

  mkdir(call: Call, parent: NodeId, name: Name, mode: number, out: Entry): Errno {
    return mkdir(this.begin(), call, parent, name, mode, out);
  }

  symlink(call: Call, parent: NodeId, name: Name, target: ByteString, out: Entry): Errno {
    return symlink(this.begin(), call, parent, name, target, out);
  }

  link(call: Call, node: NodeId, newParent: NodeId, newName: Name, out: Entry): Errno {
    return this.end(call, link(this.begin(), call, node, newParent, newName, out));
  }

  unlink(call: Call, parent: NodeId, name: Name): Errno {
    return unlink(this.begin(), call, parent, name);
  }

  rmdir(call: Call, parent: NodeId, name: Name): Errno {
    return rmdir(this.begin(), call, parent, name);
  }

  rename(call: Call, parent: NodeId, name: Name, newParent: NodeId, newName: Name, flags: number): Errno {
    return this.end(call, rename(this.begin(), call, parent, name, newParent, newName, flags));
  }

  open(call: Call, node: NodeId, flags: number, killPriv: boolean, out: Opened): Errno {
    return this.opened(call, flags, data.open(this.begin(), call, node, flags, killPriv, out));
  }

  create(
    call: Call,
    parent: NodeId,
    name: Name,
    mode: number,
    flags: number,
    entry: Entry,
    opened: Opened,
  ): Errno {
    return this.opened(
      call,
      flags,
      data.create(this.begin(), call, parent, name, mode, flags, entry, opened),
    );
  }

  tmpfile(call: Call, parent: NodeId, mode: number, flags: number, entry: Entry, opened: Opened): Errno {
    return data.tmpfile(this.begin(), call, parent, mode, flags, entry, opened);
  }

  release(node: NodeId, _fh: Fh): void {
    data.release(this.core, node);
  }

  read(call: Call, node: NodeId, fh: Fh, offset: number, into: Buffer): Count {
    return this.endCount(call, data.read(this.begin(), node, fh, offset, into));
  }

  write(
    call: Call,
    node: NodeId,
    fh: Fh,
    offset: number,
    bytes: Buffer,
    killPriv: boolean,
    mapped: boolean,
  ): Count {
    return this.endCount(call, data.write(this.begin(), call, node, fh, offset, bytes, killPriv, mapped));
  }

  fsync(call: Call, node: NodeId, fh: Fh, dataOnly: boolean): Errno {
    return this.end(call, data.fsync(this.begin(), call, node, fh, dataOnly));
  }

  fallocate(call: Call, node: NodeId, fh: Fh, mode: number, offset: number, length: number): Errno {
    return this.end(call, data.fallocate(this.begin(), call, node, fh, mode, offset, length));
  }

  lseek(call: Call, node: NodeId, fh: Fh, offset: number, whence: number): Count {
    return this.endCount(call, data.lseek(this.begin(), node, fh, offset, whence));
  }

  copyFileRange(
    call: Call,
    node: NodeId,
    fh: Fh,
    offset: number,
    toNode: NodeId,
    toFh: Fh,
    toOffset: number,
    length: number,
  ): Count {
    return this.endCount(
      call,
      data.copyFileRange(this.begin(), call, node, fh, offset, toNode, toFh, toOffset, length),
    );
  }

  opendir(_call: Call, _node: NodeId, out: Opened): Errno {
    out.fh = NO_FH;
    return OK;
  }

  readdir(call: Call, node: NodeId, _fh: Fh, offset: number, sink: DirSink): Errno {
    return readdir(this.begin(), call, node, offset, sink);
  }

  readdirplus(call: Call, node: NodeId, _fh: Fh, offset: number, sink: DirPlusSink): Errno {
    return readdirplus(this.begin(), call, node, offset, sink);
  }

  /** Open directories have no state. */
  releasedir(): void {}

  fsyncdir(call: Call, node: NodeId): Errno {
    return data.fsyncdir(this.begin(), call, node);
  }

  getxattr(_call: Call, node: NodeId, name: ByteString, into: Buffer): Count {
    return xattrs.getxattr(this.begin(), node, name, into);
  }

  listxattr(call: Call, node: NodeId, into: Buffer): Count {
    return xattrs.listxattr(this.begin(), call, node, into);
  }

  setxattr(
    call: Call,
    node: NodeId,
    name: ByteString,
    value: Buffer,
    flags: number,
    killSgid: boolean,
  ): Errno {
    return this.end(call, xattrs.setxattr(this.begin(), call, node, name, value, flags, killSgid));
  }

  removexattr(call: Call, node: NodeId, name: ByteString): Errno {
    return this.end(call, xattrs.removexattr(this.begin(), call, node, name));
  }

  statfs(_call: Call, out: StatFs): Errno {
    return statfs(this.core, out);
  }

  syncfs(call: Call): Errno {
    return data.syncfs(this.core, call);
  }

  ioctl(call: Call, node: NodeId, _fh: Fh, command: number, input: Buffer, output: Buffer): Count {
    return this.endCount(call, ioctl(this.begin(), call, node, command, input, output));
  }
}
