import fc from 'fast-check';
import type { ByteString, Name } from '../../lib/base/bytes';
import { ENOENT, OK } from '../../lib/base/errno';
import type { NodeId } from '../../lib/base/ids';
import { type PathEntry, PathTable } from '../../lib/fuse-native/path-table';
import type { FileSystem } from '../../lib/vfs/filesystem';
import { Call, type Entry } from '../../lib/vfs/types';

/** Every name but `no` exists, and leads to a node of its own for each lookup. */
class Names {
  readonly counts = new Map<NodeId, number>();
  lookups = 0;
  private next = 2;

  lookup(_call: Call, _parent: NodeId, name: Name, out: Entry): number {
    if (name === 'no') return ENOENT;
    this.lookups++;
    out.node = this.give();
    return OK;
  }

  give(): NodeId {
    const node = this.next++ as NodeId;
    this.counts.set(node, 1);
    return node;
  }

  forget(node: NodeId, count: number): void {
    const left = this.counts.get(node)! - count;
    if (left < 0) throw new Error(`node ${node} is forgotten too often`);
    if (left === 0) this.counts.delete(node);
    else this.counts.set(node, left);
  }
}

const call = new Call();
const path = (text: string): ByteString => text as ByteString;

function table(limit?: number): { fs: Names; paths: PathTable } {
  const fs = new Names();
  return { fs, paths: new PathTable(fs as unknown as FileSystem, limit) };
}

test('a path is looked up once, absent names every time', () => {
  const { fs, paths } = table();
  const entry = paths.walk(call, path('/a/b/c'));
  expect(fs.lookups).toBe(3);
  expect(paths.answered).toBe(true);
  expect(paths.walk(call, path('/a/b/c'))).toBe(entry);
  expect(paths.answered).toBe(false);
  expect(fs.lookups).toBe(3);
  expect(paths.walk(call, path('/a/no'))).toBeNull();
  expect(paths.errno).toBe(ENOENT);
  expect(paths.walk(call, path('/'))).toBe(paths.root);
});

test('what moves takes along what is below, and ends what it replaces', () => {
  const { fs, paths } = table();
  const entry = paths.walk(call, path('/a/b'))!;
  const replaced = paths.walk(call, path('/x'))!;
  paths.move(paths.root, 'a' as Name, paths.root, 'x' as Name);
  expect(paths.walk(call, path('/x/b'))).toBe(entry);
  expect(fs.counts.has(replaced.node)).toBe(false);
  paths.cut(paths.root, 'x' as Name);
  expect(fs.counts.size).toBe(0);
});

test('a hidden name keeps its node until libfuse is done with it', () => {
  const { fs, paths } = table();
  const entry = paths.walk(call, path('/d/f'))!;
  paths.hide(entry.parent!, 'f' as Name, '.fuse_hidden1' as Name);
  expect(paths.hasHidden(paths.walk(call, path('/d'))!)).toBe(true);
  expect(paths.walk(call, path('/d/.fuse_hidden1'))).toBe(entry);
  paths.unhide(entry);
  expect(fs.counts.has(entry.node)).toBe(false);
});

test('any history keeps the bound, and gives every lookup count back', () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd', 'no');
  const route = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => path(`/${names.join('/')}`));
  const step = fc.oneof(
    fc.tuple(fc.constant('walk'), route, route),
    fc.tuple(fc.constant('add'), route, route),
    fc.tuple(fc.constant('cut'), route, route),
    fc.tuple(fc.constant('move'), route, route),
    fc.tuple(fc.constant('hide'), route, route),
    fc.tuple(fc.constant('pin'), route, route),
    fc.tuple(fc.constant('unpin'), route, route),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const limit = 12;
      const { fs, paths } = table(limit);
      const pinned: PathEntry[] = [];
      let hidden = 0;
      for (const [what, from, to] of steps) {
        const entry = paths.walk(call, from);
        if (what === 'unpin') {
          const last = pinned.pop();
          if (last !== undefined) paths.unpin(last);
        } else if (what === 'add') {
          const parent = paths.walkToParent(call, from);
          if (parent !== null) paths.add(parent, paths.lastName, fs.give());
        } else if (entry !== null && entry !== paths.root) {
          if (what === 'cut') paths.cut(entry.parent!, entry.name);
          if (what === 'hide' && !entry.hidden) paths.hide(entry.parent!, entry.name, `h${hidden++}` as Name);
          if (what === 'pin') {
            paths.pin(entry);
            pinned.push(entry);
          }
          if (what === 'move' && !to.startsWith(from) && !from.startsWith(to)) {
            paths.pin(entry);
            const parent = paths.walkToParent(call, to);
            const inside = parent !== null && !isBelow(parent, entry);
            if (inside) paths.move(entry.parent!, entry.name, parent, paths.lastName);
            paths.unpin(entry);
          }
        }
        paths.checkInvariants();
        // Only what is pinned, and the way to it, may stand beyond the limit.
        expect(paths.size).toBeLessThanOrEqual(limit + 6 * (pinned.length + hidden) + 4);
      }
      for (const entry of pinned) paths.unpin(entry);
      paths.clear();
      paths.checkInvariants();
      expect(fs.counts.size).toBeLessThanOrEqual(hidden);
    }),
    { numRuns: 500 },
  );
});

function isBelow(entry: PathEntry, above: PathEntry): boolean {
  for (let at: PathEntry | null = entry; at !== null; at = at.parent) if (at === above) return true;
  return false;
}
