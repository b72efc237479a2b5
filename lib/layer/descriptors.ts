/**
 * The budget of descriptors: what may stay open between requests, and who pays for it.
 *
 *   idle     directories (RealDir) and files (who registers by `onShortage`) that can be opened again at any time.
 *            Given up, longest unused first, of the kind that has more, as soon as more is kept than `limit`.
 *   pinned   what has no name any more and would be lost if it were closed: unlinked files, removed directories,
 *            copies in the making. They leave less room for the idle ones, and are charged to the user who asked:
 *            a user has a share, all users together leave some for the superuser, and he some for the idle ones.
 *
 * Invariants:
 * - What was used since `beginRequest` is never given up: a descriptor stays valid for the request that got it.
 * - The limit leaves a reserve below the process's own (see union.ts), so that what a request opens and closes again
 *   finds room. Where it does not (the process's limit was lowered, others took descriptors), `openat` asks `relieve`
 *   for room and tries again, and the budget is smaller for a while.
 */
import { EMFILE, type Errno, OK } from '../base/errno';

/** What can be closed and opened again. */
export interface Idle {
  /** The request that used it last; changed by Descriptors only. */
  lastUse: number;
  close(): void;
}

/** Shares of the limit that may be pinned: by one user, by all of them, and with the superuser. */
const USER_SHARE = 1 / 4;
const USERS_SHARE = 1 / 2;
const PINNED_SHARE = 3 / 4;
/** What is kept open at the least, however often there was no room. */
const LEAST = 16;
/** Descriptors that are made free at once when there was no room for one. */
const RELIEF = 32;
/** Requests after which a budget that was made smaller is doubled. */
const RECOVERY = 4096;

export class Descriptors {
  /** Open directories, longest unused first. */
  private readonly directories = new Set<Idle>();
  private request = 0;
  private files = 0;
  private pinned = 0;
  private pinnedByUsers = 0;
  /** By user; only those that have any. */
  private readonly pins = new Map<number, number>();
  private giveUpFile: () => boolean = () => false;
  /** System calls made to reach and to stat directories of read-only layers; changed by RealDir only. */
  lowerCalls = 0;

  /** What may be kept at the moment: less than `full` for a while after a shortage. */
  private limit: number;

  /** @param full descriptors that may be kept */
  constructor(
    private readonly full: number,
    private readonly superuser = process.geteuid!(),
  ) {
    this.limit = full;
  }

  /** What was used before may be closed from here on. */
  beginRequest(): void {
    this.request++;
    if (this.limit < this.full && this.request % RECOVERY === 0) {
      this.limit = Math.min(2 * this.limit, this.full);
    }
  }

  get openDirectories(): number {
    return this.directories.size;
  }

  get pinnedCount(): number {
    return this.pinned;
  }

  /** @param giveUpFile closes a file that was not used in this request; false where there is none */
  onShortage(giveUpFile: () => boolean): void {
    this.giveUpFile = giveUpFile;
  }

  /** The number of this request, which what is used in it is stamped with. */
  get now(): number {
    return this.request;
  }

  /** Called by RealDir only. */
  opened(dir: Idle): void {
    dir.lastUse = this.request;
    this.directories.add(dir);
    this.trim();
  }

  /** Called by RealDir only. */
  closed(dir: Idle): void {
    this.directories.delete(dir);
  }

  /** Called by RealDir only. */
  used(dir: Idle): void {
    if (dir.lastUse === this.request) return;
    dir.lastUse = this.request;
    if (this.kept * 2 < this.limit) return;
    this.directories.delete(dir);
    this.directories.add(dir);
  }

  /** A file was opened (1) or closed (-1). Called by who registered for shortages. */
  countFile(change: 1 | -1): void {
    this.files += change;
    if (change > 0) this.trim();
  }

  /** Is more in use than half of what may be? Only then the order in which things are used matters. */
  get isScarce(): boolean {
    return this.kept * 2 >= this.limit;
  }

  /** A descriptor is about to be kept that cannot be given up: EMFILE where the user has no share left. */
  pin(uid: number): Errno {
    const isUser = uid !== 0 && uid !== this.superuser;
    const own = this.pins.get(uid) ?? 0;
    if (
      this.pinned >= this.full * PINNED_SHARE ||
      (isUser && (own >= this.full * USER_SHARE || this.pinnedByUsers >= this.full * USERS_SHARE))
    ) {
      return EMFILE;
    }
    this.pins.set(uid, own + 1);
    this.pinned++;
    if (isUser) this.pinnedByUsers++;
    this.trim();
    return OK;
  }

  /** It is closed. */
  unpin(uid: number): void {
    const own = this.pins.get(uid)! - 1;
    if (own > 0) this.pins.set(uid, own);
    else this.pins.delete(uid);
    this.pinned--;
    if (uid !== 0 && uid !== this.superuser) this.pinnedByUsers--;
  }

  /** There was no descriptor left for what somebody wanted to open: makes room. False where nothing can be given up. */
  relieve(): boolean {
    const before = this.kept;
    this.limit = Math.max(before - RELIEF, LEAST);
    this.trim();
    return this.kept < before;
  }

  private get kept(): number {
    return this.directories.size + this.files + this.pinned;
  }

  private trim(): void {
    while (this.kept > this.limit) {
      const directoryFirst = this.directories.size > this.files;
      if (directoryFirst && this.giveUpDirectory()) continue;
      if (!this.giveUpFile() && (directoryFirst || !this.giveUpDirectory())) return;
    }
  }

  private giveUpDirectory(): boolean {
    for (const dir of this.directories) {
      if (dir.lastUse === this.request) continue;
      dir.close();
      return true;
    }
    return false;
  }

  closeAll(): void {
    for (const dir of this.directories) dir.close();
  }
}
