/** Times as a target shows them: not all transports carry nanoseconds. */
import type { Tree } from './operations';
import type { Target } from './targets';

export function shownTime({ traits }: Target, time: string): string {
  if (traits.supports.nanosecondTimes) return time;
  return time.startsWith('-') ? '0.000000000' : `${time.slice(0, -6)}000000`;
}

/** A copy of a tree with its times as the target shows them. */
export function shownTree(target: Target, tree: Tree): Tree {
  return Object.fromEntries(
    Object.entries(tree).map(([path, entry]) => [
      path,
      entry.mtime === undefined ? entry : { ...entry, mtime: shownTime(target, entry.mtime) },
    ]),
  );
}
