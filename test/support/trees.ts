/** Comparing trees, readably. */
import { isDeepStrictEqual } from 'node:util';
import type { Tree, TreeEntry } from './operations';

const SHOWN = 40;
const LONGEST = 300;
/** Times from here on were given by the clock, and differ between two runs. */
const CLOCK_STARTS = '1700000000';

/** A time as two runs agree on it. */
export function timeless(time: string): string {
  return time >= CLOCK_STARTS ? 'by the clock' : time;
}

export function timelessTree(tree: Tree): Tree {
  for (const entry of Object.values(tree)) if (entry.mtime) entry.mtime = timeless(entry.mtime);
  return tree;
}

/** One line per difference between two trees; none when they are the same. */
export function differences(what: string, expected: Tree, actual: Tree): string[] {
  const lines: string[] = [];
  for (const path of [...new Set([...Object.keys(expected), ...Object.keys(actual)])].sort()) {
    const [before, after] = [expected[path], actual[path]];
    if (!before) lines.push(`${what}: ${show(path)} should not be there: ${show(after)}`);
    else if (!after) lines.push(`${what}: ${show(path)} is missing: ${show(before)}`);
    else lines.push(...entryDifferences(`${what}: ${show(path)}`, before, after));
  }
  return lines.length > SHOWN ? [...lines.slice(0, SHOWN), `… ${lines.length - SHOWN} more`] : lines;
}

function entryDifferences(what: string, expected: TreeEntry, actual: TreeEntry): string[] {
  const fields = new Set([...Object.keys(expected), ...Object.keys(actual)]) as Set<keyof TreeEntry>;
  return [...fields]
    .filter((field) => !isDeepStrictEqual(expected[field], actual[field]))
    .map((field) => `${what} ${field}: expected ${show(expected[field])}, is ${show(actual[field])}`);
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'absent';
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
