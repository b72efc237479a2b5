/** What the fuse-native transport can carry. README.md says why each `false` is one. */
import type { Supports } from '../vfs/transport';

export const SUPPORTS: Supports = {
  nanosecondTimes: false,
  separateTimes: true,
  callerIds: true,
  renameFlags: false,
  fallocate: false,
  seekHole: false,
  readdirplus: false,
  anyByteNames: true,
  passthrough: false,
  bigInodes: false,
  tmpfile: false,
  ioctl: false,
  btime: false,
  posixAcls: false,
  namelessFiles: false,
};
