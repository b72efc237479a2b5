/**
 * readdir and readdirplus: the merged listing of a directory. A name that cannot be looked up is listed all the
 * same, and says why when it is used.
 */
import { bytesFromText, type Name } from '../../base/bytes';
import { ENOENT, type Errno, OK } from '../../base/errno';
import type { Ino, NodeId } from '../../base/ids';
import { type LayerVisitor, readLayer } from '../../layer/read-layer';
import { newStat } from '../../sys/stat';
import type { DirPlusSink, DirSink } from '../../vfs/filesystem';
import { S_IFDIR } from '../../vfs/flags';
import { Entry } from '../../vfs/types';
import type { Core } from '../core';
import { DirView, type ViewEntry } from '../dir-view';
import type { Dir } from '../inode';
import { LowerListings } from '../lower-listings';
import { resolve } from '../resolve';

const DT_DIR = S_IFDIR >> 12;
const DOT = bytesFromText('.');
const DOT_DOT = bytesFromText('..');
const UNKNOWN = 0 as Ino;
/** The number of a name that cannot be looked up; programs skip entries with 0. */
const UNREACHABLE = 1 as Ino;
const AFTER_DOTS = 2;

const stat = newStat();
const entry = new Entry();

/** The directory as programs list it, or an errno. */
export function viewOf(core: Core, dir: Dir): DirView | Errno {
  if (dir.view !== null) return dir.view;
  const view = new DirView();
  const covered = new Set<Name>();
  if (dir.upper !== null && !dir.dead) {
    const errno = listUpper(core, dir, view, covered);
    if (errno !== OK) return errno;
  }
  if (dir.lowers.length > 0 && !dir.dead) {
    const listing = core.listings.all(dir);
    if (typeof listing === 'number') return listing;
    for (const [name, found] of listing) {
      if (covered.has(name)) continue;
      const above = view.get(name);
      if (above === undefined) {
        const layer = LowerListings.inLayer(dir, found.layers[0]!).layer;
        view.set(name, core.numbers.of(layer, found.ino), found.dirType);
      } else if (above.dirType === DT_DIR && found.dirType === DT_DIR) above.ino = UNKNOWN;
    }
  }
  dir.view = view;
  return view;
}

/** Adds the upper's names; the inode numbers of copied-up files are found out when they are asked for. */
function listUpper(core: Core, dir: Dir, view: DirView, covered: Set<Name>): Errno {
  const fd = dir.upper!.fd();
  if (fd < 0) return -fd;
  const impure = dir.upper!.isImpure(core.xattrs);
  const xattrWhiteouts = dir.upper!.holdsXattrWhiteouts(core.xattrs);
  if (impure < 0 || xattrWhiteouts < 0) return -Math.min(impure, xattrWhiteouts);
  const visitor: LayerVisitor = {
    entry: (name, ino, dirType) =>
      view.set(name, impure === 1 ? UNKNOWN : core.numbers.of(core.upper!, ino), dirType),
    whiteout: (name) => covered.add(name),
    opaque: () => {},
  };
  return readLayer(fd, core.xattrs, false, visitor, xattrWhiteouts === 1);
}

function inoOf(core: Core, dir: Dir, listed: ViewEntry): Ino {
  if (listed.ino === UNKNOWN) {
    const inode = resolve(core, dir, listed.name, stat);
    if (typeof inode !== 'number') listed.ino = inode.ino;
  }
  return listed.ino || UNREACHABLE;
}

function addDots(dir: Dir, view: DirView, offset: number, sink: DirSink): boolean {
  const parent = dir.parent ?? dir;
  if (offset === 0) view.begin();
  return (
    (offset > 0 || sink.add(DOT, dir.ino, DT_DIR, 1)) &&
    (offset > 1 || sink.add(DOT_DOT, parent.ino, DT_DIR, 2))
  );
}

export function readdir(core: Core, id: NodeId, offset: number, sink: DirSink): Errno {
  const dir = core.dir(id);
  if (typeof dir === 'number') return dir;
  const view = viewOf(core, dir);
  if (typeof view === 'number') return view;
  if (!addDots(dir, view, offset, sink)) return OK;
  for (const listed of view.after(Math.max(offset, AFTER_DOTS))) {
    if (!sink.add(listed.name, inoOf(core, dir, listed), listed.dirType, listed.cookie)) return OK;
  }
  return OK;
}

export function readdirplus(core: Core, id: NodeId, offset: number, sink: DirPlusSink): Errno {
  const dir = core.dir(id);
  if (typeof dir === 'number') return dir;
  const view = viewOf(core, dir);
  if (typeof view === 'number') return view;
  if (!addDots(dir, view, offset, sink)) return OK;
  for (const listed of view.after(Math.max(offset, AFTER_DOTS))) {
    if (!sink.hasRoomFor(listed.name)) return OK;
    core.descriptors.beginRequest();
    const inode = resolve(core, dir, listed.name, stat);
    if (inode === ENOENT) continue;
    if (typeof inode === 'number') {
      if (!sink.add(listed.name, listed.ino || UNREACHABLE, listed.dirType, listed.cookie)) return OK;
      continue;
    }
    listed.ino = inode.ino;
    core.answer(inode, stat, entry);
    sink.addEntry(listed.name, entry, listed.cookie);
  }
  return OK;
}
