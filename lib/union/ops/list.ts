/**
 * readdir and readdirplus: the merged listing of a directory. A name that cannot be looked up is listed all the
 * same, and says why when it is used.
 */
import { bytesFromText } from '../../base/bytes';
import { ENOENT, type Errno, OK } from '../../base/errno';
import type { Ino, NodeId } from '../../base/ids';
import { newStat } from '../../sys/stat';
import type { DirPlusSink, DirSink } from '../../vfs/filesystem';
import { S_IFDIR } from '../../vfs/flags';
import { type Call, Entry } from '../../vfs/types';
import type { Core } from '../core';
import type { DirView, ViewEntry } from '../dir-view';
import type { Dir } from '../inode';
import { resolve } from '../resolve';
import { UNKNOWN, viewOf } from '../view-build';

const DT_DIR = S_IFDIR >> 12;
const DOT = bytesFromText('.');
const DOT_DOT = bytesFromText('..');
/** The number of a name that cannot be looked up; programs skip entries with 0. */
const UNREACHABLE = 1 as Ino;
const AFTER_DOTS = 2;

const stat = newStat();
const entry = new Entry();

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

export function readdir(core: Core, call: Call, id: NodeId, offset: number, sink: DirSink): Errno {
  const dir = core.dir(id);
  if (typeof dir === 'number') return dir;
  const view = viewOf(core, call, dir);
  if (typeof view === 'number') return view;
  if (!addDots(dir, view, offset, sink)) return OK;
  for (const listed of view.after(Math.max(offset, AFTER_DOTS))) {
    if (!sink.add(listed.name, inoOf(core, dir, listed), listed.dirType, listed.cookie)) return OK;
  }
  return OK;
}

export function readdirplus(core: Core, call: Call, id: NodeId, offset: number, sink: DirPlusSink): Errno {
  const dir = core.dir(id);
  if (typeof dir === 'number') return dir;
  const view = viewOf(core, call, dir);
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
