/** This user's mounts, from the runtime directory. */
import { FS_TYPE, readMountTable } from '../mount/mount-table';
import { isAlive } from '../mount/process-id';
import { type MountRecord, readRecords } from '../mount/runtime-dir';

export interface ListedMount {
  readonly record: MountRecord;
  /** `mounted`; `dead`: its process is gone, `stratafs umount` cleans up; `detached`: out of the tree, in use. */
  readonly state: 'mounted' | 'dead' | 'detached';
}

/** Live mounts, and dead ones that are still in the tree. */
export function listMounts(): ListedMount[] {
  const mounted = new Set(
    readMountTable()
      .filter((entry) => entry.type === FS_TYPE)
      .map((entry) => entry.mountpoint),
  );
  return readRecords().flatMap((record): ListedMount[] => {
    const inTree = mounted.has(record.config.mountpoint);
    if (isAlive(record)) return [{ record, state: inTree ? 'mounted' : 'detached' }];
    return inTree ? [{ record, state: 'dead' }] : [];
  });
}
