/** The index of a mount: where it lies, and which stack its records belong to. */
import { existsSync } from 'node:fs';
import { type ByteString, bufferOf, type Name } from '../../lib/base/bytes';
import { errnoName, OK } from '../../lib/base/errno';
import { dropIndex, type IndexStat, statIndex } from '../../lib/index/inspect-index';
import { AT_FDCWD } from '../../lib/sys/open';
import { newStat, statAt } from '../../lib/sys/stat';
import type { StackConfig } from './config';

export { dropIndex, type IndexStat, statIndex };

const OTHERS_WRITE = 0o022;
const STICKY = 0o1000;

/** In the user's work directory, beside the `work` and `index` of overlayfs, which leaves it alone. */
export const INDEX_NAME = 'stratafs-index' as Name;

/** The folder of the index, or null for one in memory. */
export function indexFolderOf({ index, upper, work }: StackConfig, readOnly: boolean): ByteString | null {
  if (index === 'off') return null;
  if (index !== 'auto') return index;
  return upper === null || work === null || readOnly ? null : (`${work}/${INDEX_NAME}` as ByteString);
}

/**
 * Why no index is kept in the open work directory, unless it was asked for there; null where one is. Whoever can
 * rename what is in it could have us read one folder and write another.
 */
export function whyNotKeptIn(work: number): string | null {
  const stat = newStat();
  const errno = statAt(work, null, stat);
  if (errno !== OK) return `the work directory cannot be looked at: ${errnoName(errno)}`;
  if (stat.uid !== process.geteuid!()) return `the work directory belongs to user ${stat.uid}`;
  const open = (stat.mode & OTHERS_WRITE) !== 0 && (stat.mode & STICKY) === 0;
  return open ? 'the work directory can be written to by others' : null;
}

/** The folder of the index that a user means by a path: itself, or a work directory that has one. */
export function findIndexFolder(path: ByteString): ByteString {
  const inWork = `${path}/${INDEX_NAME}` as ByteString;
  return existsSync(bufferOf(inWork)) ? inWork : path;
}

/**
 * What tells a stack from another: its layers by path, device and root, and how their marks are read. Whether a
 * directory in it is unchanged is for its fingerprints to say.
 */
export function identityOfStack(lowers: readonly ByteString[], xattrs: 'trusted' | 'user'): string {
  const stat = newStat();
  const layers = lowers.map((path) => {
    const errno = statAt(AT_FDCWD, path, stat);
    return errno === 0 ? [path, stat.devMajor, stat.devMinor, stat.ino] : [path, errno];
  });
  return JSON.stringify({ xattrs, layers });
}
