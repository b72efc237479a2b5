/**
 * The runtime directory: what this user has mounted, for `stratafs ls`, `status` and `umount`.
 *
 * /run/stratafs (root), $XDG_RUNTIME_DIR/stratafs, /tmp/stratafs-UID, or ~/.local/state/stratafs: the first that can be
 * had, owned by us and closed to others. Records are looked for in all of them: a stranger may take a name in /tmp, and
 * give it up again, whenever he likes. Per mount, named after its process (PID-STARTTIME):
 *
 *   ID.json   the record below, from when the mount is usable until it is gone
 *   ID.sock   answers with the mount's counters
 *   ID.log    what a detached process without --log-file says, named after the command that started it; stays
 *             for a week where the process crashed
 *   upper-DEVICE-INODE.lock   what the mounts of one user lock among themselves (directory-lock.ts)
 *
 * It is only ever a help: a mount whose record is lost is still found in /proc/self/mountinfo.
 */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type ByteString, bytesFromText, isByteString, shown } from '../../lib/base/bytes';
import { UserError } from '../../lib/base/errors';
import { EXIT } from '../../lib/base/exit-codes';
import type { MountConfig } from './config';
import { readMountTable } from './mount-table';
import { inInitialUserNamespace, outerUid } from './privilege';
import { isAlive, type ProcessId } from './process-id';

export interface MountRecord extends ProcessId {
  readonly config: MountConfig;
  /** The log file, or null for standard error. */
  readonly log: ByteString | null;
}

/** A directory that only we can write to. */
function isPrivateDirectory(path: string): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat?.isDirectory() === true && stat.uid === process.getuid!() && (stat.mode & 0o077) === 0;
}

function makePrivateDirectory(path: string, withParents: boolean): boolean {
  try {
    mkdirSync(path, { mode: 0o700, recursive: withParents });
  } catch {
    // It is there, or cannot be had.
  }
  return isPrivateDirectory(path);
}

/** Whether the home directory is ours alone to write to. */
function isOwnHome(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat?.uid === process.getuid!() && (stat.mode & 0o022) === 0;
}

interface Candidate {
  readonly path: string;
  /** Its parents are made too. */
  readonly withParents: boolean;
}

function candidates(): Candidate[] {
  const { XDG_RUNTIME_DIR, HOME } = process.env;
  const paths: string[] = [];
  if (process.getuid!() === 0 && inInitialUserNamespace()) paths.push('/run/stratafs');
  if (XDG_RUNTIME_DIR?.startsWith('/')) paths.push(join(XDG_RUNTIME_DIR, 'stratafs'));
  paths.push(`/tmp/stratafs-${outerUid()}`);
  const found = paths.map((path) => ({ path, withParents: false }));
  if (HOME?.startsWith('/') && isOwnHome(HOME)) {
    found.push({ path: join(HOME, '.local/state/stratafs'), withParents: true });
  }
  return found;
}

/** @throws UserError where none can be had */
export function runtimeDirectory(): string {
  const all = candidates();
  const found = all.find(({ path, withParents }) => makePrivateDirectory(path, withParents));
  if (found !== undefined) return found.path;
  const paths = all.map(({ path }) => path);
  throw new UserError(
    'no-runtime-directory',
    `no runtime directory: ${paths.join(', ')} cannot be made or is not only ours`,
    'set XDG_RUNTIME_DIR to a directory of your own',
    EXIT.NO_PRIVILEGE,
  );
}

/**
 * All that may hold records: one mount may have been made while a stranger had the name of a directory, another when he
 * had not.
 */
function runtimeDirectories(): string[] {
  runtimeDirectory();
  return candidates()
    .map(({ path }) => path)
    .filter(isPrivateDirectory);
}

/** A file of a process: beside its record, or where the next record goes. */
export function runtimeFile({ pid, startTime }: ProcessId, suffix: 'json' | 'log' | 'sock'): string {
  const id = `${pid}-${startTime}`;
  const recorded = runtimeDirectories().find((directory) => existsSync(join(directory, `${id}.json`)));
  return join(recorded ?? runtimeDirectory(), `${id}.${suffix}`);
}

/** Publishes a record: written aside, then renamed, so that a reader sees all of it or nothing. */
export function writeRecord(record: MountRecord): void {
  const path = runtimeFile(record, 'json');
  const temporary = `${path}.new`;
  writeFileSync(temporary, JSON.stringify(record), { mode: 0o600 });
  renameSync(temporary, path);
}

/** Removes what a mount's process left, but for its log. */
export function removeRecord(id: ProcessId): void {
  for (const path of [runtimeFile(id, 'sock'), runtimeFile(id, 'json')]) rmSync(path, { force: true });
}

/** A record as far as commands read it; null for what is none, for the file may be of another version, or cut. */
export function parseRecord(text: string): MountRecord | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const { pid, startTime, config, log = null } = Object(value) as Record<string, unknown>;
  const { mountpoint, lowers, upper, work } = Object(config) as Record<string, unknown>;
  const paths = [log, upper, work].every((path) => path === null || isByteString(path));
  const whole =
    [pid, startTime].every((number) => Number.isSafeInteger(number) && Number(number) > 0) &&
    isByteString(mountpoint) &&
    Array.isArray(lowers) &&
    lowers.every(isByteString);
  return paths && whole ? (value as MountRecord) : null;
}

/** The records of all mounts, of live processes and of dead ones. */
export function readRecords(): MountRecord[] {
  return runtimeDirectories()
    .flatMap((directory) => readdirSync(directory).map((name) => join(directory, name)))
    .filter((path) => path.endsWith('.json'))
    .flatMap((path) => {
      try {
        return parseRecord(readFileSync(path, 'utf8')) ?? [];
      } catch {
        return [];
      }
    })
    .sort((a, b) => a.startTime - b.startTime);
}

/** The newest record of a mountpoint. */
export function recordOf(mountpoint: ByteString): MountRecord | undefined {
  return readRecords().findLast((record) => record.config.mountpoint === mountpoint);
}

/** Who, of the live mounts, writes to a directory. */
export function userOf(directory: ByteString): string {
  const record = readRecords().find(
    ({ config, ...id }) => (config.upper === directory || config.work === directory) && isAlive(id),
  );
  return record === undefined ? '' : `mounted on ${shown(record.config.mountpoint)} by process ${record.pid}`;
}

const LOG_KEPT_MS = 7 * 24 * 3600 * 1000;

/** Removes the records of dead processes whose mounts are gone too, and a crash's log after a week. */
export function sweepRecords(): void {
  const mounted = new Set(readMountTable().map((entry) => entry.mountpoint));
  const logsInUse = new Set<ByteString | null>();
  for (const record of readRecords()) {
    if (isAlive(record) || mounted.has(record.config.mountpoint)) logsInUse.add(record.log);
    else removeRecord(record);
  }
  const directory = runtimeDirectory();
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    const age = Date.now() - (lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    const log = /^(.*\.log)(\.1)?$/.exec(path)?.[1];
    if (log !== undefined && age > LOG_KEPT_MS && !logsInUse.has(bytesFromText(log)))
      rmSync(path, { force: true });
  }
}
