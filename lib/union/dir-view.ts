/**
 * A directory as programs list it. Every name has a cookie that it keeps while it exists: an offset in readdir
 * means "after this cookie", so a listing that is read while names come and go misses and repeats nothing, and no
 * state is needed per open directory. What is added while a listing is read shows in the next one.
 *
 * A view is filled in steps, between which names may come and go (view-build.ts). Until it is `complete`, `set` and
 * `delete` keep what operations say in `late`: they know better than whatever the filler reads then or has read, so
 * it is applied last. Nothing but the filler may look into a view that is not complete.
 */
import type { Name } from '../base/bytes';
import type { Ino } from '../base/ids';
import { LongMap } from '../base/long-map';

export interface ViewEntry {
  readonly name: Name;
  readonly cookie: number;
  /** 0: not found out yet. */
  ino: Ino;
  dirType: number;
  /** Changed by DirView only. */
  gone: boolean;
}

/** Cookies 1 and 2 are `.` and `..`. */
const FIRST_COOKIE = 3;
const COMPACT_AT = 64;
/** Names that `seesName` looks at. */
const LOOK_AT = 100;

export class DirView {
  private entries: ViewEntry[] = [];
  private readonly byName = new LongMap<Name, ViewEntry>();
  /** What operations have said since the filling began, by name; null: the name is gone. */
  private readonly late = new Map<Name, { ino: Ino; dirType: number } | null>();
  private filled = false;
  private nextCookie = FIRST_COOKIE;
  /** Names from this cookie on came after the last listing began: it ends before them, or it might never end. */
  private limit = Number.POSITIVE_INFINITY;

  get complete(): boolean {
    return this.filled;
  }

  get size(): number {
    return this.byName.size;
  }

  has(name: Name): boolean {
    return this.byName.has(name);
  }

  get(name: Name): ViewEntry | undefined {
    return this.byName.get(name);
  }

  /** Adds a name, or says what an existing one is now. */
  set(name: Name, ino: Ino, dirType: number): void {
    if (this.filled) this.fill(name, ino, dirType);
    else this.late.set(name, { ino, dirType });
  }

  /** As `set`, while it is being filled: what has been read of the directory. */
  fill(name: Name, ino: Ino, dirType: number): void {
    const known = this.byName.get(name);
    if (known !== undefined) {
      known.ino = ino;
      known.dirType = dirType;
      return;
    }
    const entry = { name, cookie: this.nextCookie++, ino, dirType, gone: false };
    this.entries.push(entry);
    this.byName.set(name, entry);
  }

  /** Applies up to `limit` of what operations have said meanwhile. True once the view is complete. */
  finish(limit: number): boolean {
    let left = limit;
    for (const [name, said] of this.late) {
      if (left-- === 0) return false;
      this.late.delete(name);
      if (said === null) this.remove(name);
      else this.fill(name, said.ino, said.dirType);
    }
    this.filled = true;
    return true;
  }

  /** While it is being filled: is there a name for certain? Looks at a few only. */
  seesName(): boolean {
    let left = LOOK_AT;
    for (const said of this.late.values()) {
      if (said !== null) return true;
      if (--left === 0) return false;
    }
    for (const name of this.byName.keys()) {
      if (!this.isGone(name)) return true;
      if (--left === 0) return false;
    }
    return false;
  }

  /** While it is being filled: has an operation said that the name is gone? */
  isGone(name: Name): boolean {
    return this.late.get(name) === null;
  }

  delete(name: Name): void {
    if (this.filled) this.remove(name);
    else this.late.set(name, null);
  }

  private remove(name: Name): void {
    const entry = this.byName.get(name);
    if (entry === undefined) return;
    entry.gone = true;
    this.byName.delete(name);
    if (this.entries.length > COMPACT_AT && this.entries.length > 2 * this.byName.size) {
      this.entries = this.entries.filter((other) => !other.gone);
    }
  }

  /** A listing begins: what is there now belongs to it. */
  begin(): void {
    this.limit = this.nextCookie;
  }

  /** The names after a cookie, in order, as far as they were there when a listing last began. */
  *after(cookie: number): Generator<ViewEntry> {
    let low = 0;
    let high = this.entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.entries[middle]!.cookie <= cookie) low = middle + 1;
      else high = middle;
    }
    for (; low < this.entries.length; low++) {
      const entry = this.entries[low]!;
      if (entry.cookie >= this.limit) return;
      if (!entry.gone) yield entry;
    }
  }
}
