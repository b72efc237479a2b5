/** ioctl: the file attributes of chattr(1) and lsattr(1). */
import type { ByteString } from '../../base/bytes';
import { type Count, EAGAIN, EOPNOTSUPP, ESTALE, OK } from '../../base/errno';
import type { NodeId } from '../../base/ids';
import { ioctl as control } from '../../sys/io';
import { AT_FDCWD, close, openat } from '../../sys/open';
import { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } from '../../vfs/flags';
import type { Call } from '../../vfs/types';
import { copyUpProtected } from '../copy-up';
import type { Core } from '../core';
import type { Inode } from '../inode';
import { FS_IOC_GETFLAGS, FS_IOC_SETFLAGS } from '../protection';

const FS_IOC_FSGETXATTR = 0x801c581f;
const FS_IOC_FSSETXATTR = 0x401c5820;

/** File attributes (chattr(1), lsattr(1)): those of the real file. */
export function ioctl(
  core: Core,
  call: Call,
  id: NodeId,
  command: number,
  input: Buffer,
  output: Buffer,
): Count {
  const inode = core.node(id)?.inode;
  if (inode === undefined) return -ESTALE;
  const sets = command === FS_IOC_SETFLAGS || command === FS_IOC_FSSETXATTR;
  if (!sets && command !== FS_IOC_GETFLAGS && command !== FS_IOC_FSGETXATTR) return -EOPNOTSUPP;
  const errno = sets ? copyUpProtected(core, call, inode) : OK;
  if (errno !== OK) return -errno;
  const place = core.placeOf(inode);
  if (place.fd < 0) return place.fd;
  const fd =
    place.name === null
      ? openat(AT_FDCWD, `/proc/self/fd/${place.fd}` as ByteString, O_RDONLY | O_NONBLOCK)
      : openat(place.fd, place.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (fd === -EAGAIN && !inode.isDir) core.files.leased = inode;
  if (fd < 0) return fd;
  const argument = Buffer.alloc(Math.max(input.length, output.length, 8));
  input.copy(argument);
  const result = control(fd, command, argument);
  close(fd);
  if (sets) flagsChanged(core, inode);
  argument.copy(output);
  return result < 0 ? result : output.length;
}

/** The open file may have been opened for more, or for less, than may be done now. */
function flagsChanged(core: Core, inode: Inode): void {
  if (!inode.isDir) core.files.discard(inode);
  core.statOf(inode, core.stat);
  core.attributesChanged(inode);
}
