/** What the commands `stratafs index stat` and `stratafs index drop` do. */
import { readdirSync, statSync } from 'node:fs';
import { type ByteString, shown } from '../base/bytes';
import { UserError } from '../base/errors';
import { EXIT } from '../base/exit-codes';
import { openExisting } from './database';
import { IndexFolder, messageOf, NoDatabase } from './folder';
import { IDENTITY_KEY, isPartKey, KIND_OFFSET, LAST_MOUNT_KEY, LISTING_KIND, NAME_KIND } from './keys';
import { countNames } from './records';

export interface IndexStat {
  /** Listings and names together. */
  readonly records: number;
  /** Directories that are kept as a whole, and how many names they hold. */
  readonly listings: number;
  readonly listedNames: number;
  /** Names of directories that are not kept as a whole. */
  readonly names: number;
  /** On disk. */
  readonly bytes: number;
  /** The identity of the stack, as the union gave it. */
  readonly identity: string;
  /** Null where no mount has used the index to the end of a batch. */
  readonly lastMount: LastMount | null;
}

export interface LastMount {
  /** Milliseconds since the epoch. */
  readonly begun: number;
  readonly saved: number;
  /** Records found, of those asked for; null where none was asked for. */
  readonly hitRate: number | null;
  readonly counters: Record<string, number>;
}

/** What a folder that cannot be used is to the user. */
export function refusal(folder: ByteString, error: unknown): UserError {
  const name = shown(folder);
  const reason = error instanceof NoDatabase ? error.reason : 'failed';
  if (reason === 'missing')
    return new UserError('index-missing', `there is no index in ${name}`, '', EXIT.FAILURE);
  if (reason === 'in-use') {
    return new UserError('index-in-use', `the index in ${name} is in use`, 'unmount first', EXIT.IN_USE);
  }
  const message = `the index in ${name} cannot be used: ${messageOf(error)}`;
  const hint = reason === 'damaged' ? '`stratafs index drop` removes it' : '';
  return new UserError('index-unusable', message, hint, EXIT.FAILURE, { cause: error });
}

/** Counts what an index holds. Rejects with a UserError where there is none, or a mount uses it. */
export async function statIndex(folder: ByteString): Promise<IndexStat> {
  try {
    const opened = await openExisting(folder);
    try {
      let listings = 0;
      let listedNames = 0;
      let names = 0;
      for await (const [key, value] of opened.db.iterator()) {
        if (key[KIND_OFFSET] === NAME_KIND) names++;
        else if (key[KIND_OFFSET] === LISTING_KIND) {
          if (!isPartKey(key)) listings++;
          listedNames += countNames(value);
        }
      }
      const identity = (await opened.db.get(IDENTITY_KEY))?.toString() ?? '';
      const lastMount = parseLastMount((await opened.db.get(LAST_MOUNT_KEY))?.toString() ?? 'null');
      const bytes = sizeOf(opened.location);
      return { records: listings + names, listings, listedNames, names, bytes, identity, lastMount };
    } finally {
      await opened.close();
    }
  } catch (error) {
    throw refusal(folder, error);
  }
}

function sizeOf(location: string): number {
  let bytes = 0;
  for (const name of readdirSync(location)) bytes += statSync(`${location}/${name}`).size;
  return bytes;
}

export function parseLastMount(json: string): LastMount | null {
  // Whoever wrote the index wrote this too: what is no number is left out.
  let stored: unknown;
  try {
    stored = JSON.parse(json);
  } catch {
    return null;
  }
  if (typeof stored !== 'object' || stored === null) return null;
  const numbers = Object.entries(stored).filter(([, value]) => Number.isSafeInteger(value));
  const { begun = 0, saved = 0, ...counters } = Object.fromEntries(numbers) as Record<string, number>;
  const { hits = 0, misses = 0, damaged = 0 } = counters;
  const asked = hits + misses + damaged;
  return { begun, saved, hitRate: asked === 0 ? null : hits / asked, counters };
}

/** Removes an index, damaged or not. Throws a UserError where there is none, or a mount uses it. */
export function dropIndex(folder: ByteString): void {
  let locked: IndexFolder | null = null;
  try {
    locked = IndexFolder.find(folder);
    if (!locked.hasDatabase()) throw new NoDatabase('missing', 'no database');
    locked.removeDatabase();
  } catch (error) {
    throw refusal(folder, error);
  } finally {
    locked?.close();
  }
}
