/** Who keeps a mount busy: processes with a working directory, root, open file or mapping in it, and other mounts. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { type ByteString, shown } from '../../lib/base/bytes';
import { readMountTable } from './mount-table';

/** What /proc says, or nothing: processes come and go, and not all may be looked at. */
export function orEmpty<T>(read: () => T[]): T[] {
  try {
    return read();
  } catch {
    return [];
  }
}

/** The paths that a process holds, as far as we may see them. */
function pathsOf(pid: string): string[] {
  const link = (name: string): string[] => orEmpty(() => [readlinkSync(`/proc/${pid}/${name}`, 'latin1')]);
  const descriptors = orEmpty(() => readdirSync(`/proc/${pid}/fd`));
  const mapped = orEmpty(() => readFileSync(`/proc/${pid}/maps`, 'latin1').split('\n'));
  return [
    ...link('cwd'),
    ...link('root'),
    ...link('exe'),
    ...descriptors.flatMap((fd) => link(`fd/${fd}`)),
    ...mapped.flatMap((line) => line.match(/\/.*$/) ?? []),
  ];
}

function commandOf(pid: string): string {
  const [command = ''] = orEmpty(() => [readFileSync(`/proc/${pid}/comm`, 'latin1').replace(/\n$/, '')]);
  return shown(command as ByteString);
}

/** One word or two for each holder, e.g. `bash (pid 4711)`. */
export function holdersOf(mountpoint: ByteString): string[] {
  const inside = (path: string): boolean => path === mountpoint || path.startsWith(`${mountpoint}/`);
  const processes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => pathsOf(pid).some(inside))
    .map((pid) => `${commandOf(pid)} (pid ${pid})`);
  const mounts = readMountTable()
    .filter((entry) => entry.mountpoint.startsWith(`${mountpoint}/`))
    .map((entry) => `the mount on ${shown(entry.mountpoint)}`);
  return [...processes, ...mounts];
}
