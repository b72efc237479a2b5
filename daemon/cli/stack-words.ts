/** The flags that say what a stack is and how it is used, as yargs declares them and gives them back. */
import type { Argv } from 'yargs';
import type { ByteString } from '../../lib/base/bytes';
import type { MountWords } from './mount-arguments';
import { MOUNT_OPTIONS } from './mount-options';

export type Given = Record<string, string | string[] | boolean | undefined>;

export function declareStack(yargs: Argv): Argv {
  yargs
    .option('lower', {
      describe: 'a read-only layer; a later one lies above it',
      type: 'string',
      requiresArg: true,
    })
    .option('upper', { describe: 'the writable layer', type: 'string', requiresArg: true })
    .option('work', {
      describe: 'an empty directory on the file system of the upper one',
      type: 'string',
      requiresArg: true,
    })
    .option('options', {
      alias: 'o',
      describe: 'lowerdir=…,upperdir=…,workdir=… and any option below, with commas between',
      type: 'string',
    });
  for (const row of MOUNT_OPTIONS) {
    const valued = row.values === null || row.values.length > 0;
    yargs.option(row.name, {
      describe: row.says + (row.values?.length ? ` [${row.values.join('|')}]` : ''),
      type: valued ? 'string' : 'boolean',
      ...(row.alias === undefined ? {} : { alias: row.alias }),
      ...(valued ? { requiresArg: true } : {}),
    });
  }
  return yargs;
}

export function stackWords(given: Given): MountWords {
  return {
    options: listOf(given.options),
    lowers: listOf(given.lower),
    uppers: listOf(given.upper),
    works: listOf(given.work),
    flags: flagsOf(given),
    positionals: listOf(given.arguments),
  };
}

function listOf(value: Given[string]): ByteString[] {
  if (value === undefined || typeof value === 'boolean') return [];
  return (Array.isArray(value) ? value : [value]) as ByteString[];
}

/** The flags of the options table that were given. */
function flagsOf(given: Given): Map<string, string | null> {
  const flags = new Map<string, string | null>();
  for (const row of MOUNT_OPTIONS) {
    const value = given[row.name];
    if (value === true) flags.set(row.name, null);
    else if (value !== undefined && value !== false) flags.set(row.name, listOf(value).at(-1)!);
  }
  return flags;
}
