/** Trees made comparable between two copies of a case: numbers and times say what became of those from before. */

import { OLD_TIME } from '../support/layers';
import type { Tree } from '../support/operations';
import { differences } from '../support/trees';

/** A tree in which `ino` names the path that had the number before, and `mtime` says whether it is the layers'. */
export function relativeTo(before: Tree, tree: Tree): Tree {
  const paths = new Map<string, string>();
  for (const [path, { ino }] of Object.entries(before)) if (!paths.has(ino!)) paths.set(ino!, path);
  return Object.fromEntries(
    Object.entries(tree).map(([path, entry]) => {
      const { mtime, ino, ...rest } = entry;
      const old = mtime === OLD_TIME ? 'old' : 'new';
      const time = entry.type === 'dir' ? {} : { mtime: old };
      return [path, { ...rest, ...time, ino: paths.get(ino!) ?? 'new' }];
    }),
  );
}

function withoutTimes(tree: Tree): Tree {
  return Object.fromEntries(Object.entries(tree).map(([path, { mtime: _, ...rest }]) => [path, rest]));
}

/**
 * What keeps a tree from being one of the allowed states; nothing when it is one. Times count in the first of
 * them: what has not begun has changed no file's time. A crash between a change and its time is allowed.
 */
export function mismatch(what: string, allowed: readonly Tree[], tree: Tree): string[] {
  const found = allowed.map((state, at) =>
    at === 0
      ? differences(`${what}, against the state before`, state, tree)
      : differences(`${what}, against the state after`, withoutTimes(state), withoutTimes(tree)),
  );
  return found.some((lines) => lines.length === 0) ? [] : found.flat();
}
