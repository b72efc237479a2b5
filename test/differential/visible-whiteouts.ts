/**
 * A whiteout in a directory that merges with no other: the kernel's overlayfs lists its name, and then says ENOENT for
 * it. Ours does not list it. No tool makes such layers, so the random ones have none.
 */
import type { Entry, Layer } from '../support/layers';

/** The layers without whiteouts in directories that are made of one layer only. */
export function withoutVisibleWhiteouts(lowers: readonly Layer[]): Layer[] {
  return lowers.map((layer) =>
    Object.fromEntries(
      Object.entries(layer).filter(([path, entry]) => !isWhiteout(entry) || isMerged(lowers, parentOf(path))),
    ),
  );
}

const isWhiteout = (entry: Entry) => entry.type === 'char' && entry.major === 0 && entry.minor === 0;
const parentOf = (path: string) => path.slice(0, Math.max(path.lastIndexOf('/'), 0));

/** The top always merges: with the upper layer. */
function isMerged(lowers: readonly Layer[], path: string): boolean {
  return path === '' || contributors(lowers, path).length > 1;
}

/** The layers whose directory at `path` is part of the merged one, newest first. */
function contributors(lowers: readonly Layer[], path: string): Layer[] {
  if (path === '') return [...lowers];
  const found: Layer[] = [];
  for (const layer of contributors(lowers, parentOf(path))) {
    const entry = layer[path];
    if (!entry) continue;
    if (entry.type !== 'dir') break;
    found.push(layer);
    if (entry.opaque) break;
  }
  return found;
}
