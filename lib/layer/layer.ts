/** One layer of a stack: an open root directory, and what is known of its file system. */
import { type ByteString, shown } from '../base/bytes';
import { EACCES, ENOSYS, EPERM, type Errno, errnoName } from '../base/errno';
import { UserError } from '../base/errors';
import { EXIT } from '../base/exit-codes';
import { ioctl } from '../sys/io';
import { readOnlyClone } from '../sys/mount';
import { AT_FDCWD, close, openat } from '../sys/open';
import { newStat, statAt, statFsOf } from '../sys/stat';

const O_PATH_DIRECTORY = 0o10200000;
const O_RDONLY_DIRECTORY = 0o200000;
const FS_IOC_GETFSUUID = 0x80111500;
const TMPFS = 0x01021994;
const RAMFS = 0x858458f6;
const OVERLAYFS = 0x794c7630;
const FUSE = 0x65735546;
const ECRYPTFS = 0xf15f;

export interface Layer {
  /** 0 is the upper layer, 1 the newest lower one. */
  readonly index: number;
  readonly path: ByteString;
  /** O_PATH descriptor of the root; for a lower layer, of a read-only clone of its mount where that is permitted. */
  readonly fd: number;
  /** The root opened for reading, as open_by_handle_at(2) wants it; -1 where that is not permitted. */
  readonly handleFd: number;
  readonly rootIno: number;
  readonly devMajor: number;
  readonly devMinor: number;
  /** The superblock's UUID, or zeros where it is not told. */
  readonly uuid: Buffer;
  /** The file system keeps everything in memory: syncing it is pointless. */
  readonly inMemory: boolean;
  /** The file system is stacked on another one itself. */
  readonly stacked: boolean;
  /** Held as a detached clone of its mount: what is mounted on top of something in it is not seen. */
  readonly detached: boolean;
}

/** Opens a read-only layer. @throws UserError where it is no directory that can be opened */
export function openLower(path: ByteString, index: number): Layer {
  const clone = readOnlyClone(path);
  if (clone >= 0) return describe(path, index, clone, true);
  if (clone !== -EPERM && clone !== -ENOSYS) throw unfit(path, -clone);
  return openPlain(path, index);
}

/** Opens a layer by its path as it is. @throws UserError where it cannot be opened */
export function openPlain(path: ByteString, index: number): Layer {
  const fd = openat(AT_FDCWD, path, O_PATH_DIRECTORY);
  if (fd < 0) throw unfit(path, -fd);
  return describe(path, index, fd, false);
}

export function unfit(path: ByteString, errno: Errno): UserError {
  return new UserError(
    'layer-unfit',
    `cannot open layer ${shown(path)}: ${errnoName(errno)}`,
    'give the path of an existing directory',
    EXIT.BAD_LAYER,
  );
}

/** The layer whose root is open; the descriptor is the layer's from here on. */
export function describe(path: ByteString, index: number, fd: number, detached: boolean): Layer {
  const stat = newStat();
  const errno = statAt(fd, null, stat);
  if (errno !== 0) throw unfit(path, errno);
  const room = statFsOf(fd);
  if (typeof room === 'number') throw unfit(path, room);
  const { type } = room;
  const handleFd = openat(fd, '.' as ByteString, O_RDONLY_DIRECTORY);
  if (handleFd < 0 && handleFd !== -EACCES && handleFd !== -EPERM) throw unfit(path, -handleFd);
  return {
    index,
    path,
    fd,
    handleFd: Math.max(handleFd, -1),
    rootIno: stat.ino,
    devMajor: stat.devMajor,
    devMinor: stat.devMinor,
    uuid: uuidOf(handleFd),
    inMemory: type === TMPFS || type === RAMFS,
    stacked: type === OVERLAYFS || type === FUSE || type === ECRYPTFS,
    detached,
  };
}

/** FS_IOC_GETFSUUID (Linux 6.9): struct fsuuid2 is a length byte and 16 bytes. */
function uuidOf(root: number): Buffer {
  const answer = Buffer.alloc(17);
  ioctl(root, FS_IOC_GETFSUUID, answer);
  return answer.subarray(1);
}

export function closeLayer(layer: Layer): void {
  close(layer.fd);
  if (layer.handleFd >= 0) close(layer.handleFd);
}
