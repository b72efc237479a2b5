/**
 * The LevelDB database of an index. It belongs to one schema and one identity: the identity is written, and
 * synced, before the first record. A database without it, or with another one, is thrown away whole, and so is
 * one that LevelDB cannot open.
 */
import { Level } from 'level';
import type { ByteString } from '../base/bytes';
import { IndexFolder, NoDatabase } from './folder';
import { IDENTITY_KEY } from './keys';
import { Seal } from './seal';

/** `level` is typed for browsers too; here it is always LevelDB, which tells more of itself. */
export type Database = Level<Buffer, Buffer> & { getProperty(property: string): string };

const SETTINGS = {
  keyEncoding: 'buffer',
  valueEncoding: 'buffer',
  /** The serving thread and the main thread each hold a handle of one database. */
  multithreading: true,
  /** A record is read once in a mount: cached blocks would only help their neighbours. */
  cacheSize: 1 << 20,
  writeBufferSize: 2 << 20,
  maxOpenFiles: 128,
} as const;

/** A database as it is open on the thread that opened it first. That thread closes it last. */
export interface OpenDatabase {
  readonly db: Database;
  /** What `attach` takes on other threads of this process. */
  readonly location: string;
  /** Why the database that was there before was not to be believed; null where there was none such. */
  readonly distrusted: string | null;
  /** Seals the tables that have come into use. Throws fs errors. */
  seal(): void;
  /** Closes it; `damaged`: and removes it. Rejects with fs errors, closed all the same. */
  close(damaged?: boolean): Promise<void>;
}

/** A further handle of a database that another thread of this process has open. */
export function attach(location: string): Promise<Database> {
  return openLevel(location, false);
}

/**
 * @param anew its folder is empty. An existing database is opened without that: Node's recursive mkdir, which comes
 *   before it, never ends below a directory that was removed.
 */
async function openLevel(location: string, anew: boolean): Promise<Database> {
  const db = new Level<Buffer, Buffer>(location, { ...SETTINGS, createIfMissing: anew }) as Database;
  await db.open();
  return db;
}

/** The folder's database for this identity, made (anew) where need be. Rejects with NoDatabase. */
export async function openDatabase(path: ByteString, identity: string): Promise<OpenDatabase> {
  const folder = IndexFolder.make(path);
  try {
    folder.probe();
    const stamp = Buffer.from(identity);
    const distrusted = folder.hasDatabase() ? folder.distrust() : null;
    const opened = distrusted === null ? await openFor(folder, stamp) : null;
    return opened ?? { ...(await makeAnew(folder, stamp)), distrusted };
  } catch (error) {
    folder.close();
    throw error;
  }
}

/** The folder's database, whatever its identity. Rejects with NoDatabase. */
export async function openExisting(path: ByteString): Promise<OpenDatabase> {
  const folder = IndexFolder.find(path);
  try {
    if (!folder.hasDatabase()) throw new NoDatabase('missing', 'no database');
    const distrusted = folder.distrust();
    if (distrusted !== null) throw new NoDatabase('damaged', distrusted);
    return await openLocked(folder, false);
  } catch (error) {
    folder.close();
    throw error;
  }
}

/** The folder's database, or null where there is none or it is to be thrown away. Rejects where it is in use. */
async function openFor(folder: IndexFolder, stamp: Buffer): Promise<OpenDatabase | null> {
  if (!folder.hasDatabase()) return null;
  let opened: OpenDatabase;
  try {
    opened = await openLocked(folder, false);
  } catch (error) {
    if (error instanceof NoDatabase && error.reason === 'in-use') throw error;
    return null;
  }
  const stored = await opened.db.get(IDENTITY_KEY).catch(() => undefined);
  if (stored?.equals(stamp)) return opened;
  await opened.db.close();
  return null;
}

async function makeAnew(folder: IndexFolder, stamp: Buffer): Promise<OpenDatabase> {
  let opened: OpenDatabase | null = null;
  try {
    folder.clear();
    opened = await openLocked(folder, true);
    await opened.db.put(IDENTITY_KEY, stamp, { sync: true });
    return opened;
  } catch (error) {
    await opened?.db.close();
    throw new NoDatabase('not-writable', error);
  }
}

/** Rejects with NoDatabase; the folder stays open then. */
async function openLocked(folder: IndexFolder, anew: boolean): Promise<OpenDatabase> {
  const location = folder.database;
  const seal = new Seal(location);
  let db: Database;
  try {
    seal.check();
    db = await openLevel(location, anew);
  } catch (error) {
    const cause = error instanceof Error ? (error.cause as { code?: unknown } | undefined) : undefined;
    throw new NoDatabase(cause?.code === 'LEVEL_LOCKED' ? 'in-use' : 'damaged', error);
  }
  return {
    db,
    location,
    distrusted: null,
    seal: () => seal.addInUse(db.getProperty('leveldb.sstables')),
    close: async (damaged = false) => {
      try {
        await db.close();
        if (damaged) folder.removeDatabase();
        else seal.addAll();
      } finally {
        folder.close();
      }
    },
  };
}
