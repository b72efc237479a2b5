/**
 * Removes whole trees, by steps, following neither symlinks nor mounts.
 *
 * A tree of any depth is removed with two descriptors and no recursion: what lies two levels below its root is first
 * moved up to the root.
 */
import type { Name } from '../base/bytes';
import { type Count, EEXIST, ENOENT, ENOSYS, type Errno, OK } from '../base/errno';
import { chmodAt } from './attr';
import { openToRead, readPiece } from './dir';
import { renameat2, rmdirat, unlinkat } from './names';
import { close, openat, openat2, RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, RESOLVE_NO_XDEV } from './open';

const O_PATH_DIRECTORY = 0o10600000;
const RENAME_NOREPLACE = 1;

/** Removes a name and all that is below it. OK where it is not there; else why something of it is still there. */
export function removeTree(dir: number, name: Name): Errno {
  const steps = removingTree(dir, name);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/**
 * The same in steps of a few system calls or a piece of a listing; returns what `removeTree` does. It may be ended
 * early (`return`) at any step.
 */
export function* removingTree(dir: number, name: Name): Generator<void, Errno> {
  if (remove(dir, name) === OK) return OK;
  const root = openDirectory(dir, name);
  if (root === -ENOENT) return OK;
  if (root < 0) return -root;
  try {
    yield* emptying(root);
  } finally {
    close(root);
  }
  return remove(dir, name);
}

/** Removes what is in a directory, in rounds, until nothing more goes. */
function* emptying(root: number): Generator<void, void> {
  let lastMoved = 0;
  for (let progress = true; progress; ) {
    progress = false;
    for (const name of yield* namesIn(root)) {
      yield;
      if (remove(root, name) === OK) {
        progress = true;
        continue;
      }
      const inner = openDirectory(root, name);
      if (inner < 0) continue;
      try {
        for (const entry of yield* namesIn(inner)) {
          yield;
          let errno = remove(inner, entry);
          if (errno !== OK) {
            do errno = renameat2(inner, entry, root, `up-${lastMoved++}` as Name, RENAME_NOREPLACE);
            while (errno === EEXIST);
          }
          if (errno === OK) progress = true;
        }
      } finally {
        close(inner);
      }
      if (remove(root, name) === OK) progress = true;
    }
  }
}

function remove(dir: number, name: Name): Errno {
  const errno = unlinkat(dir, name);
  if (errno === OK || errno === ENOENT) return OK;
  const asDirectory = rmdirat(dir, name);
  return asDirectory === ENOENT ? OK : asDirectory;
}

/** All of a directory's names; what cannot be listed has none, and stays. */
function* namesIn(dir: number): Generator<void, Name[]> {
  const names: Name[] = [];
  const fd = openToRead(dir);
  if (fd < 0) return names;
  try {
    while (readPiece(fd, (name) => names.push(name)) > 0) yield;
  } finally {
    close(fd);
  }
  return names;
}

/** Opens a directory, unless something is mounted on it, and makes it one that can be emptied. */
function openDirectory(dir: number, name: Name): Count {
  const beneath = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
  let fd = openat2(dir, name, O_PATH_DIRECTORY, beneath);
  if (fd === -ENOSYS) fd = openat(dir, name, O_PATH_DIRECTORY);
  if (fd >= 0) chmodAt(fd, null, 0o700);
  return fd;
}
