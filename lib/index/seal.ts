/**
 * The seal: checksums of LevelDB's table files. LevelDB protects its log and its manifest by checksums that it
 * checks, and its tables by checksums that it does not: a damaged table can fail an assertion, which ends the
 * process. So no table is read whose bytes are not those that were written.
 *
 *   DIR/listings/seal   one line for each table: its file's name, its size, the crc32 of its bytes
 *
 * - A table never changes once it is in use, and its name is never used again; so lines are only ever appended.
 * - A table with a wrong checksum, or without a line (written just before a crash, or left over from a
 *   compaction that a crash ended), is removed before LevelDB opens: LevelDB itself then says whether one that it
 *   needs is missing.
 */
import { appendFileSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

const LINE = /^(\d+\.(?:ldb|sst)) (\d+) (\d+)$/gm;
const TABLE = /^\d+\.(?:ldb|sst)$/;
/** A table in use, in LevelDB's property `leveldb.sstables`. */
const TABLE_IN_USE = /^ (\d+):\d+\[/gm;

export class Seal {
  private readonly file: string;
  /** The names of the tables that have a line. */
  private readonly sealed = new Set<string>();

  /** @param database the folder of the database */
  constructor(private readonly database: string) {
    this.file = join(database, 'seal');
  }

  /**
   * Removes the tables that are not what they were when they were sealed. Throws fs errors.
   * Preconditions: the database is not open.
   */
  check(): void {
    const files = readdirSync(this.database);
    const lines = new Map<string, string>();
    if (files.includes('seal')) {
      for (const [line, name] of readFileSync(this.file, 'latin1').matchAll(LINE)) lines.set(name!, line);
    }
    for (const name of files) {
      if (!TABLE.test(name)) continue;
      if (lines.get(name) === this.lineOf(name)) this.sealed.add(name);
      else rmSync(join(this.database, name), { recursive: true });
    }
  }

  /** Seals the tables that have come into use; `property` is LevelDB's `leveldb.sstables`. Throws fs errors. */
  addInUse(property: string): void {
    this.add([...property.matchAll(TABLE_IN_USE)].map(([, number]) => `${number!.padStart(6, '0')}.ldb`));
  }

  /** Seals all tables there are. Throws fs errors. Preconditions: the database was closed after its last use. */
  addAll(): void {
    this.add(readdirSync(this.database).filter((name) => TABLE.test(name)));
  }

  private add(names: string[]): void {
    const lines: string[] = [];
    for (const name of names) {
      if (this.sealed.has(name)) continue;
      const line = this.lineOf(name);
      if (line === null) continue;
      lines.push(`${line}\n`);
      this.sealed.add(name);
    }
    if (lines.length > 0) appendFileSync(this.file, lines.join(''), { mode: 0o600 });
  }

  /** Null for a table that is gone, or no file. */
  private lineOf(name: string): string | null {
    try {
      const bytes = readFileSync(join(this.database, name));
      return `${name} ${bytes.length} ${crc32(bytes)}`;
    } catch {
      return null;
    }
  }
}
