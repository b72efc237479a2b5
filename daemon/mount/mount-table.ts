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
}

function unquote(field: string): ByteString {
  return field.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(parseInt(octal, 8))) as ByteString;
}

/** The lines of a mountinfo file, in mounting order. */
export function parseMountInfo(text: string): MountEntry[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const fields = line.split(' ');
      const rest = fields.slice(fields.indexOf('-', 6) + 1);
      return {
        id: Number(fields[0]),
        mountpoint: unquote(fields[4]!),
        type: rest[0]!,
        source: unquote(rest[1]!),
      };
    });
}

export function readMountTable(): MountEntry[] {
  return parseMountInfo(readFileSync('/proc/self/mountinfo', 'latin1'));
}

/** The mount on top of a path, or undefined where the path is no mountpoint. */
export function topMountAt(path: ByteString, table = readMountTable()): MountEntry | undefined {
  return table.findLast((entry) => entry.mountpoint === path);
}
