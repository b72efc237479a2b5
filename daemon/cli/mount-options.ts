/**
 * The options of a mount: one row each, good as `--NAME` and inside `-o`. Where two say the opposite, the later
 * one holds, as in mount(8).
 */
import { type ByteString, shown } from '../../lib/base/bytes';
import { UserError } from '../../lib/base/errors';
import { EXIT } from '../../lib/base/exit-codes';
import type { MountConfig } from '../control/start';
import { absolute } from './argv';

/** What the options of the table set. */
export type MountSettings = {
  -readonly [K in keyof MountConfig as Exclude<
    K,
    'lowers' | 'upper' | 'work' | 'mountpoint' | 'source'
  >]: MountConfig[K];
} & { foreground: boolean };

export function defaultSettings(): MountSettings {
  return {
    readOnly: false,
    allowOther: null,
    noatime: false,
    nosuid: false,
    nodev: false,
    noexec: false,
    private: false,
    volatile: false,
    fsync: 'auto',
    userxattr: false,
    xino: false,
    io: 'auto',
    pollIdleCpus: true,
    transport: 'auto',
    index: 'auto',
    tinySlices: false,
    checkInvariants: false,
    traceFuse: false,
    logFile: null,
    logLevel: 'info',
    foreground: false,
  };
}

export interface OptionRow {
  readonly name: string;
  readonly alias?: string;
  /** The values it may have; null for any; empty where it takes none. */
  readonly values: readonly string[] | null;
  /** What the name alone stands for; absent where a value must follow. */
  readonly bare?: string;
  readonly says: string;
  /** The row that says the opposite. */
  readonly opposite?: string;
  set(settings: MountSettings, value: string): void;
}

const NONE: readonly string[] = [];

function flag(
  name: string,
  says: string,
  set: (settings: MountSettings) => void,
  more: { opposite?: string; alias?: string } = {},
): OptionRow {
  return { name, values: NONE, bare: '', says, set, ...more };
}

export const MOUNT_OPTIONS: readonly OptionRow[] = [
  flag('ro', 'mount read-only', (s) => (s.readOnly = true), { opposite: 'rw' }),
  flag('rw', 'mount writable where there is an upper directory (the default)', (s) => (s.readOnly = false)),
  flag('allow_other', 'let other users in (the default for root)', (s) => (s.allowOther = true)),
  flag('default_permissions', 'the kernel checks permissions (always so)', () => {}),
  flag('noatime', 'do not update access times', (s) => (s.noatime = true)),
  flag('suid', 'honour set-user-ID bits (the default)', (s) => (s.nosuid = false), { opposite: 'nosuid' }),
  flag('nosuid', 'ignore set-user-ID bits', (s) => (s.nosuid = true)),
  flag('dev', 'honour device files (the default)', (s) => (s.nodev = false), { opposite: 'nodev' }),
  flag('nodev', 'ignore device files', (s) => (s.nodev = true)),
  flag('exec', 'allow programs to be run (the default)', (s) => (s.noexec = false), { opposite: 'noexec' }),
  flag('noexec', 'do not allow programs to be run', (s) => (s.noexec = true)),
  flag('private', 'let no mounts on top of it propagate (mount --make-private)', (s) => (s.private = true)),
  flag('volatile', 'never sync anything to the upper directory', (s) => (s.volatile = true)),
  {
    name: 'fsync',
    values: ['auto', 'never', 'always'],
    says: 'when a copied-up file is synced before it is published',
    set: (s, value) => (s.fsync = value as MountSettings['fsync']),
  },
  flag('userxattr', 'keep private xattrs under user.overlay.', (s) => (s.userxattr = true)),
  {
    name: 'xino',
    values: ['on', 'off', 'auto'],
    bare: 'on',
    says: "put the file system's number into the high bits of inode numbers",
    set: (s, value) => (s.xino = value === 'on'),
  },
  {
    name: 'io',
    values: ['auto', 'passthrough', 'cached'],
    says: "how data moves: by the kernel itself, or through stratafs and the kernel's cache",
    set: (s, value) => (s.io = value as MountSettings['io']),
  },
  {
    name: 'idle',
    values: ['poll', 'halt'],
    says: 'what CPUs without work do while requests keep coming: poll, so that wakes are prompt (as root), or halt',
    set: (s, value) => (s.pollIdleCpus = value === 'poll'),
  },
  {
    name: 'transport',
    values: ['auto', 'kernel', 'fuse-native'],
    says: 'how requests arrive: from /dev/fuse directly, or through libfuse (slower, can do less); auto: the first that works',
    set: (s, value) => (s.transport = value as MountSettings['transport']),
  },
  {
    name: 'index',
    values: null,
    says: 'where merged listings are kept between mounts [on|off|DIR]; on: in the work directory, if writable',
    set: (s, value) => (s.index = indexPlace(value as ByteString)),
  },
  flag('foreground', 'stay in this process', (s) => (s.foreground = true), { alias: 'f' }),
  flag('debug', 'log more, and show the stack of an error', (s) => (s.logLevel = 'debug'), { alias: 'd' }),
  flag('trace-fuse', 'log every request and reply', (s) => (s.traceFuse = true)),
  flag('check-invariants', 'check the state after every request (slow)', (s) => (s.checkInvariants = true)),
  flag('tiny-slices', 'do what is done between requests in very small steps', (s) => (s.tinySlices = true)),
  {
    name: 'log-file',
    values: null,
    says: 'append the log to this file',
    set: (s, v) => (s.logFile = v as ByteString),
  },
  {
    name: 'log-level',
    values: ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    says: 'how much to log',
    set: (s, value) => (s.logLevel = value),
  },
];

/** overlayfs has an option of this name too, `on` or `off`. */
function indexPlace(value: ByteString): MountSettings['index'] {
  if (value === 'on') return 'auto';
  if (value === 'off') return 'off';
  if (value === '') throw usage('option index needs a value', 'use on, off or a directory');
  return absolute(value);
}

const ROWS = new Map(MOUNT_OPTIONS.map((row) => [row.name, row]));

/** Puts one option into the settings. @throws UserError for one that does not exist or cannot have the value */
export function applyOption(settings: MountSettings, name: string, value: string | null): void {
  const row = ROWS.get(name);
  if (row === undefined) {
    throw usage(`unknown option ${shown(name as ByteString)}`, 'stratafs mount --help lists the options');
  }
  const given = value ?? row.bare;
  if (given === undefined) throw usage(`option ${name} needs a value`, valuesHint(row));
  const takesIt = row.values === null || value === null || row.values.includes(given);
  if (!takesIt) {
    const what = row.values?.length === 0 ? 'takes no value' : `cannot be '${shown(given as ByteString)}'`;
    throw usage(`option ${name} ${what}`, valuesHint(row));
  }
  row.set(settings, given);
}

function valuesHint(row: OptionRow): string {
  return row.values !== null && row.values.length > 0 ? `use ${row.values.join(', ')}` : '';
}

export function usage(message: string, hint: string): UserError {
  return new UserError('usage', message, hint, EXIT.USAGE);
}
