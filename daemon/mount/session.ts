/**
 * The main thread of a mount's process, from the checks to the end.
 *
 * Invariants: the upper and work directories are locked before anything in them is touched, and until the process
 * ends. Whoever is told "ready" can use the mount. Nothing here looks at the mount synchronously: the serving
 * thread may need this thread (jobs) to answer.
 *
 * It ends when the mount is gone: by umount(8), by `stratafs umount`, by SIGTERM or SIGINT (where a busy mount is
 * said to be busy, and stays), or when the serving thread crashes (the mount is taken out of the tree).
 */
import { existsSync, promises } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ByteString, bufferOf, shown } from '../../lib/base/bytes';
import { EBUSY, EINVAL, type Errno, errnoName, OK } from '../../lib/base/errno';
import { UserError } from '../../lib/base/errors';
import { EXIT, type ExitCode } from '../../lib/base/exit-codes';
import type { Logger } from '../../lib/base/log';
import { type IndexWriter, noWriter, openIndexWriter } from '../../lib/index/index-writer';
import { background } from '../../lib/sys/io';
import { makePrivate } from '../../lib/sys/mount';
import { forbidCoreDumps, raiseOpenFileLimit } from '../../lib/sys/open';
import { checkLayers } from './check-layers';
import { checkMountpoint } from './check-mountpoint';
import { type Claim, claimDirectories } from './claim';
import type { MountConfig } from './config';
import { INDEX_NAME, identityOfStack, indexFolderOf, whyNotKeptIn } from './listing-index';
import type { MountLog } from './mount-log';
import { readMountTable, topMountAt } from './mount-table';
import { xattrNamespace } from './privilege';
import { startTimeOf } from './process-id';
import { removeRecord, runtimeFile, sweepRecords, writeRecord } from './runtime-dir';
import type { Serving } from './serving';
import { startServing } from './start-serving';
import { serveStatus } from './status-socket';
import type { ServingPlan } from './thread-messages';
import { unmountError, unmountOffThread } from './unmount';

const WANTED_OPEN_FILES = 1_000_000;
/** How long a mount is kept waiting for the removal of what a crash left. */
const SWEEP_PATIENCE_MS = 100;

export interface SessionSurroundings {
  readonly mountLog: MountLog;
  /** Called once, when the mount can be used. */
  ready(): void;
  /** Aborted when nobody waits for `ready` any more. */
  readonly abandoned?: AbortSignal;
}

/** Mounts and serves until the mount is gone. @throws UserError where it cannot be mounted */
export async function serveMount(config: MountConfig, around: SessionSurroundings): Promise<ExitCode> {
  const { mountLog } = around;
  const { log } = mountLog;
  // What this process makes is its own affair; the serving thread has a umask of its own.
  process.umask(0o077);
  process.chdir('/');
  // A dump into the mount itself would wait for the process that is being dumped.
  forbidCoreDumps();
  const openFiles = raiseOpenFileLimit(WANTED_OPEN_FILES);
  const { plan, claim } = prepare(config, around);
  let refused = false;
  const { mountpoint } = plan.mount;
  const serving = await startServing(config.transport, plan, () => openIndex(config, plan, log), mountLog);
  const detach = handleSignals(mountpoint, serving, around);
  const id = { pid: process.pid, startTime: startTimeOf(process.pid)! };
  try {
    await serving.mounted;
    await Promise.race([promises.stat(bufferOf(mountpoint)), serving.ended]);
    if (config.private) setPrivate(mountpoint, log);
    await Promise.race([claim?.work.sweep(), sleep(SWEEP_PATIENCE_MS, null, { ref: false })]);
    sweepRecords();
    writeRecord({ ...id, config: { ...config, mountpoint }, log: mountLog.plan.file });
    serveStatus(runtimeFile(id, 'sock'), () => serving.counters());
    log.info({ mountpoint: shown(mountpoint), transport: serving.transport, openFiles }, 'mounted');
    around.ready();
    await serving.ended;
    if (claim !== null && syncsAtEnd(config)) await syncUpper(claim.upperFd, log);
    log.info('the mount is gone');
    return EXIT.OK;
  } catch (error) {
    if (error instanceof UserError) {
      refused = true;
      throw error;
    }
    log.fatal({ err: error }, 'serving crashed');
    await unmountOffThread(mountpoint, true);
    throw error;
  } finally {
    detach();
    claim?.work.end();
    await serving.ended.catch(() => {});
    claim?.release(refused);
    removeRecord(id);
  }
}

/** The way to the root of a mount asks the mount itself nothing, so this may be done on this thread. */
function setPrivate(mountpoint: ByteString, log: Logger): void {
  const errno = makePrivate(mountpoint);
  if (errno !== OK)
    log.warn(`mounts on top of this one may propagate: it cannot be private: ${errnoName(errno)}`);
}

/** As the kernel's overlayfs at its unmount (fs/overlayfs/super.c:ovl_sync_fs). */
function syncsAtEnd({ readOnly, volatile, fsync }: MountConfig): boolean {
  return !readOnly && !volatile && fsync !== 'never';
}

async function syncUpper(fd: number, log: Logger): Promise<void> {
  const errno = await background.syncfs(fd);
  if (errno !== OK) log.error(`the file system of the upper directory cannot be synced: ${errnoName(errno)}`);
}

function openIndex(config: MountConfig, { union }: ServingPlan, log: Logger): Promise<IndexWriter> {
  const named = indexFolderOf(config, config.readOnly);
  if (named === null) return Promise.resolve(noWriter());
  let folder = named;
  if (config.index === 'auto' && union.opened !== undefined) {
    const why = whyNotKeptIn(union.opened.work);
    if (why !== null) {
      log.warn(`the index is kept in memory only: ${why}; --index names another place`);
      return Promise.resolve(noWriter());
    }
    folder = `/proc/self/fd/${union.opened.work}/${INDEX_NAME}` as ByteString;
  }
  return openIndexWriter(folder, identityOfStack(union.lowers, union.xattrs), log);
}

interface Prepared {
  readonly plan: ServingPlan;
  /** Null for a stack without an upper directory. */
  readonly claim: Claim | null;
}

/** Everything that can be found wrong before a thread is started; takes the locks, and removes nothing. */
function prepare(config: MountConfig, around: SessionSurroundings): Prepared {
  const { upper, work } = config;
  const mountpoint = checkMountpoint(config.mountpoint);
  const xattrs = xattrNamespace(config.userxattr);
  const { writable, aroundMountpoint } = checkLayers(config, mountpoint);
  if (!existsSync('/dev/fuse')) {
    throw new UserError(
      'no-fuse-device',
      '/dev/fuse is missing',
      'load it with modprobe fuse, or give it to the container with --device /dev/fuse',
      EXIT.NO_PRIVILEGE,
    );
  }
  const claim =
    writable === null ? null : claimDirectories(writable, config.readOnly, xattrs, around.mountLog.log);
  const plan: ServingPlan = {
    union: {
      lowers: config.lowers,
      upper,
      work,
      xattrs,
      opened: writable === null ? undefined : { upper: writable.upper.fd, work: writable.work.fd },
      noatime: config.noatime,
      fsync: config.fsync,
      volatile: config.volatile,
      xino: config.xino,
      tinySlices: config.tinySlices,
      checkInvariants: config.checkInvariants,
    },
    mount: {
      mountpoint,
      source: config.source,
      readOnly: config.readOnly || upper === null,
      allowOther: config.allowOther ?? process.getuid!() === 0,
      defaultPermissions: true,
      noatime: config.noatime,
      nosuid: config.nosuid,
      nodev: config.nodev,
      noexec: config.noexec,
      io: config.io,
      pollIdleCpus: config.pollIdleCpus,
    },
    aroundMountpoint,
    traceFuse: config.traceFuse,
    log: around.mountLog.plan,
  };
  return { plan, claim };
}

/** Unmounts this mount and no other: EINVAL where it is no longer in the tree, EBUSY where another covers it. */
async function unmountOwn(mountpoint: ByteString, id: number | undefined): Promise<Errno> {
  const table = readMountTable();
  if (topMountAt(mountpoint, table)?.id === id) return unmountOffThread(mountpoint, false);
  return table.some((entry) => entry.id === id) ? EBUSY : EINVAL;
}

/** Wires the signals; returns what takes them off again. */
function handleSignals(mountpoint: ByteString, serving: Serving, around: SessionSurroundings): () => void {
  const { log } = around.mountLog;
  let leaving = false;
  const own = serving.mounted.then(() => topMountAt(mountpoint)?.id);
  own.catch(() => {});
  const leave = async (why: string): Promise<void> => {
    if (leaving) return;
    leaving = true;
    log.info(`${why}: unmounting`);
    try {
      const errno = await unmountOwn(mountpoint, await own);
      if (errno === EINVAL) {
        log.warn('the mount is no longer in the tree: its users are cut off');
        serving.stop();
      } else if (errno !== OK) log.error(`${unmountError(mountpoint, errno).message}: it stays mounted`);
    } catch (error) {
      log.debug({ err: error }, 'nothing to unmount');
    } finally {
      leaving = false;
    }
  };
  const onTerm = (): void => void leave('SIGTERM');
  const onInt = (): void => void leave('SIGINT');
  const onUsr2 = (): void => void serving.counters().then((counters) => log.info(counters, 'counters'));
  const onCrash = (error: unknown): void => {
    // The serving thread cannot be ended from outside while it sleeps in poll(2), so a plain exit would hang.
    log.fatal({ err: error }, 'crashed');
    around.mountLog.endNow();
    process.kill(process.pid, 'SIGKILL');
  };
  process.on('SIGTERM', onTerm).on('SIGINT', onInt).on('SIGUSR2', onUsr2).on('uncaughtException', onCrash);
  around.abandoned?.addEventListener('abort', () => void leave('nobody waits for this mount'), {
    once: true,
  });
  return () => {
    process
      .off('SIGTERM', onTerm)
      .off('SIGINT', onInt)
      .off('SIGUSR2', onUsr2)
      .off('uncaughtException', onCrash);
  };
}
