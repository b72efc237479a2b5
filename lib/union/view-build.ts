/**
 * Makes a directory's view, or only the listing of its read-only part: in steps, because a directory may be huge
 * (slices.ts). Names may come and go between two steps; the view takes that into account (dir-view.ts).
 */
import type { Name } from '../base/bytes';
import { type Errno, OK } from '../base/errno';
import type { Ino } from '../base/ids';
import { LongMap } from '../base/long-map';
import type { Listing } from '../index/listing';
import { readLayer } from '../layer/read-layer';
import { S_IFDIR } from '../vfs/flags';
import type { Call } from '../vfs/types';
import type { Core } from './core';
import { DirView } from './dir-view';
import type { Dir } from './inode';
import { LowerListings } from './lower-listings';
import type { Steps } from './slices';

const DT_DIR = S_IFDIR >> 12;
export const UNKNOWN = 0 as Ino;
const LOOK_AT = 100;

/** The directory as programs list it; or an errno, or PARKED. */
export function viewOf(core: Core, call: Call, dir: Dir): DirView | Errno {
  if (dir.view?.complete) return dir.view;
  const known = dir.work;
  if (known !== null) {
    if (known.errno === null) return core.slices.park(call, known);
    if (known.errno !== OK && core.hasWaitedFor(call, known.id)) return known.errno;
  }
  const build = new ViewBuild(core, dir);
  const work = core.slices.begin(call, () => build.steps());
  dir.work = work;
  dir.build = work.errno === null ? build : null;
  if (work.errno === null) return core.slices.park(call, work);
  return work.errno === OK ? dir.view! : work.errno;
}

/** Has the directory a name that programs see? OK, ENOTEMPTY …, or PARKED. A first name is enough to know. */
export function hasNames(core: Core, call: Call, dir: Dir): boolean | Errno {
  const before = dir.work;
  const view = viewOf(core, call, dir);
  if (typeof view !== 'number') return view.size > 0;
  if (dir.work?.errno !== null || !dir.build?.seesName()) return view;
  if (dir.work !== before) core.slices.cancel(dir.work);
  return true;
}

/** The view of one directory in the making. */
export class ViewBuild {
  private view = new DirView();
  /** Names that a whiteout of the upper layer hides. */
  private covered = new LongMap<Name, true>();
  /** The read-only part, as far as it is known. */
  private listing: Listing = new LongMap();

  constructor(
    private readonly core: Core,
    private readonly dir: Dir,
  ) {}

  *steps(): Steps {
    const { dir } = this;
    this.view = new DirView();
    this.covered = new LongMap();
    this.listing = new LongMap();
    dir.view = this.view;
    try {
      const errno = (yield* this.takeUpper()) || (yield* this.takeLower());
      if (errno !== OK) return errno;
      while (!this.view.finish(this.core.slices.sizes.pieceNames)) yield;
      return OK;
    } finally {
      if (!this.view.complete) dir.view = null;
      dir.build = null;
    }
  }

  /** Is there a name that programs see, among the first of those found so far? */
  seesName(): boolean {
    if (this.view.seesName()) return true;
    let left = LOOK_AT;
    for (const name of this.listing.keys()) {
      if (!this.covered.has(name) && !this.view.isGone(name)) return true;
      if (--left === 0) return false;
    }
    return false;
  }

  /** Adds the upper's names; the inode numbers of copied-up files are found out when they are asked for. */
  private *takeUpper(): Steps {
    const { core, dir, view, covered } = this;
    const { upper } = dir;
    if (upper === null || dir.dead) return OK;
    const fd = upper.fd();
    if (fd < 0) return -fd;
    const impure = upper.isImpure(core.xattrs);
    const xattrWhiteouts = upper.holdsXattrWhiteouts(core.xattrs);
    if (impure < 0 || xattrWhiteouts < 0) return -Math.min(impure, xattrWhiteouts);
    const visitor = {
      // It may become impure while it is read; the answer is known from now on.
      entry: (name: Name, ino: number, dirType: number) =>
        view.fill(
          name,
          upper.isImpure(core.xattrs) === 0 ? core.numbers.of(core.upper!, ino) : UNKNOWN,
          dirType,
        ),
      whiteout: (name: Name) => covered.set(name, true),
      opaque: () => {},
    };
    return yield* readLayer(
      fd,
      core.xattrs,
      false,
      visitor,
      xattrWhiteouts === 1,
      core.slices.sizes.pieceBytes,
    );
  }

  private *takeLower(): Steps {
    const { core, dir, view, covered } = this;
    if (dir.lowers.length === 0 || dir.dead) return OK;
    const unsettled = core.listings.settle(dir);
    if (unsettled !== OK) return unsettled;
    if (dir.listing !== null) this.listing = dir.listing;
    else {
      const errno = yield* core.listings.load(dir, this.listing);
      if (errno !== OK) return errno;
    }
    const { pieceNames } = core.slices.sizes;
    let left = pieceNames;
    for (const [name, found] of this.listing) {
      if (left-- === 0) {
        yield;
        left = pieceNames;
      }
      if (covered.has(name)) continue;
      const above = view.get(name);
      if (above === undefined) {
        const layer = LowerListings.inLayer(dir, found.layers[0]!).layer;
        view.fill(name, core.numbers.of(layer, found.ino), found.dirType);
      } else if (above.dirType === DT_DIR && found.dirType === DT_DIR) above.ino = UNKNOWN;
    }
    return OK;
  }
}
