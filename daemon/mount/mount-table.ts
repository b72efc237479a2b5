/** /proc/self/mountinfo: what is mounted where (proc_pid_mountinfo(5)). */
import { readFileSync } from 'node:fs';
import type { ByteString } from '../../lib/base/bytes';

/** The type of our mounts in /proc/mounts. */
export const FS_TYPE = 'fuse.stratafs';

export interface MountEntry {
  readonly id: number;
  readonly mountpoint: ByteString;
  readonly type: string;
  readonly source: ByteString;
  /** The file system's own options, as mountinfo has them: separated by commas, with octal escapes. */
  readonly options: string;
}

function unquote(field: string): ByteString {
  return field.replace(/\\([0-7]{3})/g, (_, octal) =>
    String.fromCharCode(parseInt(octal, 8) & 0xff),
  ) as ByteString;
}

/** The lines of a mountinfo file, in mounting order. */
export function parseMountInfo(text: string): MountEntry[] {
  return text.split('\n').flatMap((line) => {
    const [id, , , , mountpoint, , ...optional] = line.split(' ');
    const dash = optional.indexOf('-');
    const [type, source, options = ''] = optional.slice(dash + 1);
    if (dash < 0 || mountpoint === undefined || type === undefined || source === undefined) return [];
    return { id: Number(id), mountpoint: unquote(mountpoint), type, source: unquote(source), options };
  });
}

export function readMountTable(): MountEntry[] {
  return parseMountInfo(readFileSync('/proc/self/mountinfo', 'latin1'));
}

/** The mount on top of a path, or undefined where the path is no mountpoint. */
export function topMountAt(path: ByteString, table = readMountTable()): MountEntry | undefined {
  return table.findLast((entry) => entry.mountpoint === path);
}

/** Each directory that a mount of the kernel's overlayfs writes to, where its path is an absolute one. */
export function overlaysIn(table = readMountTable()): { mountpoint: ByteString; path: ByteString }[] {
  return table
    .filter(({ type }) => type === 'overlay')
    .flatMap(({ mountpoint, options }) =>
      options
        .split(',')
        .flatMap((option) => /^(?:upperdir|workdir)=(\/.*)$/.exec(option)?.[1] ?? [])
        .map((path) => ({ mountpoint, path: unquote(path) })),
    );
}
