/** From the words of a command line to a mount's configuration. */
import { type ByteString, shown } from '../../lib/base/bytes';
import type { MountConfig, StackConfig } from '../control/start';
import { absolute } from './argv';
import { applyOption, defaultSettings, MOUNT_OPTIONS, type MountSettings, usage } from './mount-options';
import { splitLayers, splitOptionString, unescapeValue } from './option-string';

/** What a mount's command line says, word by word. */
export interface MountWords {
  /** `-o`, each as often as it was given. */
  readonly options: readonly ByteString[];
  /** `--lower`, oldest first. */
  readonly lowers: readonly ByteString[];
  /** `--upper`. */
  readonly uppers: readonly ByteString[];
  /** `--work`. */
  readonly works: readonly ByteString[];
  /** `--NAME` of the options table, and its value. */
  readonly flags: ReadonlyMap<string, string | null>;
  /** MOUNTPOINT, or SOURCE MOUNTPOINT as mount(8) calls its helpers. */
  readonly positionals: readonly ByteString[];
}

export interface MountRequest {
  readonly config: MountConfig;
  readonly foreground: boolean;
}

const DEFAULT_SOURCE = 'stratafs' as ByteString;

/** The layers and the options, of a mount or of a stack that is not mounted. */
function readWords(words: MountWords): { directories: Directories; settings: MountSettings } {
  const settings = defaultSettings();
  const directories = readDirectories(words, settings);
  readFlags(words.flags, settings);
  return { directories, settings };
}

/** @throws UserError (exit code 2) where the words make no stack with a place for its index */
export function readWarmWords(words: MountWords): StackConfig {
  const { directories, settings } = readWords(words);
  if (settings.index === 'off' || (settings.index === 'auto' && directories.upper === null)) {
    throw usage('there is no place for an index', 'give --index DIR, or the upper and the work directory');
  }
  return { ...directories, index: settings.index, userxattr: settings.userxattr };
}

/** @throws UserError (exit code 2) where the words make no mount */
export function readMountWords(words: MountWords): MountRequest {
  const { directories, settings } = readWords(words);
  const [first, second, ...rest] = words.positionals;
  if (first === undefined || first === '') throw usage('no mountpoint given', 'name it last');
  if (rest.length > 0) {
    throw usage(
      `too many arguments: ${words.positionals.map(shown).join(' ')}`,
      'give one mountpoint, or a source and a mountpoint',
    );
  }
  const { foreground, ...options } = settings;
  if (options.transport === 'fuse-native' && options.io === 'passthrough') {
    throw usage('the fuse-native transport has no passthrough', 'leave out io=passthrough');
  }
  return {
    foreground,
    config: {
      ...directories,
      ...options,
      logFile: options.logFile === null ? null : absolute(options.logFile),
      source: second === undefined ? DEFAULT_SOURCE : first,
      mountpoint: absolute(second ?? first),
    },
  };
}

type Directories = Pick<MountConfig, 'lowers' | 'upper' | 'work'>;

/** The layers, from `-o` or from the flags; the other options in `-o` go into `settings`. */
function readDirectories(words: MountWords, settings: MountSettings): Directories {
  let stack: ByteString[] = [...words.lowers].reverse();
  const single = { upper: words.uppers, work: words.works };

  for (const { name, value } of words.options.flatMap(splitOptionString)) {
    if (name === 'lowerdir') {
      if (stack.length > 0) throw twice('the lower layers', '--lower or one lowerdir=');
      stack = splitLayers(requireValue(name, value));
    } else if (name === 'upperdir') {
      single.upper = [...single.upper, unescapeValue(requireValue(name, value))];
    } else if (name === 'workdir') {
      single.work = [...single.work, unescapeValue(requireValue(name, value))];
    } else if (!isForMount8(name)) {
      applyOption(settings, name, value === null ? null : unescapeValue(value));
    }
  }

  if (stack.length === 0) throw usage('no lower layer given', 'use --lower DIR or -o lowerdir=DIR');
  if (single.upper.length > 1) throw twice('the upper directory', '--upper or upperdir=');
  if (single.work.length > 1) throw twice('the work directory', '--work or workdir=');
  const [upper = null] = single.upper;
  const [work = null] = single.work;
  if (upper !== null && work === null) {
    throw usage('an upper directory needs a work directory', 'add --work DIR, on the same file system');
  }
  if (upper === null && work !== null) {
    throw usage('a work directory is of no use without an upper directory', 'add --upper DIR');
  }
  if ([...stack, upper, work].includes('' as ByteString)) throw usage('a directory has an empty path', '');
  return {
    lowers: stack.map(absolute),
    upper: upper === null ? null : absolute(upper),
    work: work === null ? null : absolute(work),
  };
}

/** What /etc/fstab says to mount(8), which hands some of it on to its helpers, or what is so in any case. */
const FOR_MOUNT_8 = new Set(
  'auto noauto defaults nofail _netdev user nouser users owner group comment relatime'.split(' '),
);

function isForMount8(name: string): boolean {
  return FOR_MOUNT_8.has(name) || /^x-/i.test(name);
}

function requireValue(name: string, value: ByteString | null): ByteString {
  if (value === null) throw usage(`option ${name} needs a value`, `use ${name}=DIR`);
  return value;
}

function twice(what: string, where: string) {
  return usage(`${what} are given twice`.replace(/(directory) are/, '$1 is'), `use ${where} only once`);
}

function readFlags(flags: MountWords['flags'], settings: MountSettings): void {
  for (const row of MOUNT_OPTIONS) {
    if (row.opposite !== undefined && flags.has(row.name) && flags.has(row.opposite)) {
      throw usage(`--${row.name} and --${row.opposite} contradict each other`, '');
    }
  }
  for (const [name, value] of flags) applyOption(settings, name, value);
}
