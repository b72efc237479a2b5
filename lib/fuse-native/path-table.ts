/**
 * From paths to nodes.
 *
 * libfuse asks by path, the file system answers by node. The table is the tree of the names that were resolved:
 * each entry holds exactly one lookup count of its node, and gives it back (`forget`) when it leaves the table.
 * The tree is bounded: entries without children and without pins stand in a list by last use, and the oldest go
 * when there are too many. A pinned entry (an open file, a hidden name) stays; one that is cut off while pinned
 * keeps its node until the last pin is gone.
 *
 * Names change through this transport alone, so the table is changed where the file system is, and never stale.
 *
 * Hidden names: libfuse 2.9 renames an open file to `.fuse_hiddenN` where it is unlinked or replaced. Here that
 * name exists in this table only: the file itself is unlinked, its node lives on by the handle.
 *
 * Invariants: an entry is in the list ⇔ it is attached, has neither children nor pins, and is not the root;
 * `size` counts the attached entries other than the root.
 */
import type { ByteString, Name } from '../base/bytes';
import { ENOENT, type Errno, OK } from '../base/errno';
import { NO_NODE, type NodeId, ROOT_NODE } from '../base/ids';
import type { FileSystem } from '../vfs/filesystem';
import { type Call, Entry } from '../vfs/types';

export const DEFAULT_LIMIT = 65536;

/** A resolved name. All fields are changed by PathTable alone, but `manyLinks`. */
export class PathEntry {
  children: Map<Name, PathEntry> | null = null;
  pins = 0;
  /** The name is libfuse's for a file that has been unlinked. */
  hidden = false;
  /** The file was seen to have several names; set by the handlers. */
  manyLinks = false;
  /** Neighbours in the list by last use. */
  older: PathEntry | null = null;
  newer: PathEntry | null = null;
  listed = false;

  constructor(
    readonly node: NodeId,
    public parent: PathEntry | null,
    public name: Name,
  ) {}
}

export class PathTable {
  readonly root = new PathEntry(ROOT_NODE, null, '' as Name);
  /** The answer of the last `walk` that had to ask the file system for the last name. */
  readonly answer = new Entry();
  /** True where the last `walk` asked the file system for the last name: `answer` has its attributes. */
  answered = false;
  /** Why the last `walk` or `walkToParent` gave null. */
  errno: Errno = OK;
  /** The last name of the path of the last `walkToParent`. */
  lastName = '' as Name;

  private oldest: PathEntry | null = null;
  private newest: PathEntry | null = null;
  private count = 0;

  constructor(
    private readonly fs: FileSystem,
    private readonly limit = DEFAULT_LIMIT,
  ) {}

  get size(): number {
    return this.count;
  }

  /** The entry of an absolute path, or null and `errno`. */
  walk(call: Call, path: ByteString): PathEntry | null {
    this.answered = false;
    let entry = this.root;
    let start = 1;
    while (start < path.length) {
      let end = path.indexOf('/', start);
      if (end < 0) end = path.length;
      const next = this.step(call, entry, path.slice(start, end) as Name);
      if (next === null) return null;
      entry = next;
      start = end + 1;
    }
    this.touch(entry);
    return entry;
  }

  /** The entry of a path's directory, with the last name in `lastName`; or null and `errno`. */
  walkToParent(call: Call, path: ByteString): PathEntry | null {
    const slash = path.lastIndexOf('/');
    this.lastName = path.slice(slash + 1) as Name;
    return this.walk(call, path.slice(0, Math.max(slash, 1)) as ByteString);
  }

  private step(call: Call, parent: PathEntry, name: Name): PathEntry | null {
    const known = parent.children?.get(name);
    if (known !== undefined) {
      this.answered = false;
      return known;
    }
    this.errno = this.fs.lookup(call, parent.node, name, this.answer);
    if (this.errno !== OK) return null;
    if (this.answer.node === NO_NODE) {
      this.errno = ENOENT;
      return null;
    }
    this.answered = true;
    return this.add(parent, name, this.answer.node);
  }

  /** Takes over one lookup count of `node`. What stood under the name before is cut off. */
  add(parent: PathEntry, name: Name, node: NodeId): PathEntry {
    this.cut(parent, name);
    const entry = new PathEntry(node, parent, name);
    this.attach(entry, parent);
    this.enlist(entry);
    this.count++;
    // The parent may just have become evictable in the middle of a walk: the new entry keeps it.
    while (this.count > this.limit && this.oldest !== null && this.oldest !== entry) this.remove(this.oldest);
    return entry;
  }

  /** A name is gone: its entry leaves, with everything below. */
  cut(parent: PathEntry, name: Name): void {
    const entry = parent.children?.get(name);
    if (entry !== undefined) this.remove(entry);
  }

  /** A name moved, and what is below with it. What stood at the new name is cut off. */
  move(parent: PathEntry, name: Name, newParent: PathEntry, newName: Name): void {
    const entry = parent.children?.get(name);
    if (newParent.children?.get(newName) === entry && entry !== undefined) return;
    this.cut(newParent, newName);
    if (entry === undefined) return;
    this.detach(entry, parent);
    entry.name = newName;
    entry.parent = newParent;
    this.attach(entry, newParent);
  }

  /** The file at `name` is only reachable as libfuse's hidden name from now on. */
  hide(parent: PathEntry, name: Name, hiddenName: Name): void {
    const entry = parent.children!.get(name)!;
    this.move(parent, name, parent, hiddenName);
    entry.hidden = true;
    this.pin(entry);
  }

  /** libfuse is done with a hidden name. */
  unhide(entry: PathEntry): void {
    this.remove(entry);
    this.unpin(entry);
  }

  hasHidden(entry: PathEntry): boolean {
    if (entry.children === null) return false;
    for (const child of entry.children.values()) if (child.hidden) return true;
    return false;
  }

  pin(entry: PathEntry): void {
    entry.pins++;
    this.unlist(entry);
  }

  unpin(entry: PathEntry): void {
    entry.pins--;
    if (entry.parent !== null) this.enlist(entry);
    else if (entry.pins === 0 && entry !== this.root) this.fs.forget(entry.node, 1);
  }

  /** Gives back every lookup count. */
  clear(): void {
    for (const child of [...(this.root.children?.values() ?? [])]) this.remove(child);
  }

  /** Throws where an invariant is broken (tests, --check-invariants). */
  checkInvariants(): void {
    let attached = 0;
    const visit = (entry: PathEntry): void => {
      for (const child of entry.children?.values() ?? []) {
        attached++;
        if (child.parent !== entry) throw new Error(`path entry ${child.name} has another parent`);
        const idle = child.pins === 0 && child.children === null;
        if (idle !== child.listed) throw new Error(`path entry ${child.name} listed: ${child.listed}`);
        visit(child);
      }
    };
    visit(this.root);
    if (attached !== this.count) throw new Error(`${attached} path entries, counted ${this.count}`);
  }

  private remove(entry: PathEntry): void {
    for (const child of [...(entry.children?.values() ?? [])]) this.remove(child);
    this.unlist(entry);
    const parent = entry.parent!;
    this.detach(entry, parent);
    entry.parent = null;
    this.count--;
    if (entry.pins === 0) this.fs.forget(entry.node, 1);
  }

  private attach(entry: PathEntry, parent: PathEntry): void {
    parent.children ??= new Map();
    parent.children.set(entry.name, entry);
    this.unlist(parent);
  }

  private detach(entry: PathEntry, parent: PathEntry): void {
    parent.children!.delete(entry.name);
    if (parent.children!.size > 0) return;
    parent.children = null;
    if (parent.parent !== null) this.enlist(parent);
  }

  private touch(entry: PathEntry): void {
    if (!entry.listed || entry === this.newest) return;
    this.unlist(entry);
    this.enlist(entry);
  }

  private enlist(entry: PathEntry): void {
    if (entry.listed || entry.pins > 0 || entry.children !== null) return;
    entry.listed = true;
    entry.older = this.newest;
    if (this.newest === null) this.oldest = entry;
    else this.newest.newer = entry;
    this.newest = entry;
  }

  private unlist(entry: PathEntry): void {
    if (!entry.listed) return;
    entry.listed = false;
    if (entry.older === null) this.oldest = entry.newer;
    else entry.older.newer = entry.newer;
    if (entry.newer === null) this.newest = entry.older;
    else entry.newer.older = entry.older;
    entry.older = null;
    entry.newer = null;
  }
}
