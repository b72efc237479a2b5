/** Random stacks of layers and random operations. Few names, so that they collide often. */
import fc, { type Arbitrary } from 'fast-check';
import { O_APPEND, O_CREAT, O_EXCL, O_RDWR, O_TRUNC, SEEK_DATA, SEEK_HOLE } from '../../lib/vfs/flags';
import type { Supports } from '../../lib/vfs/transport';
import { dir, type Entry, file, type Layer, special, symlink, whiteout } from '../support/layers';
import type { Operation } from '../support/operations';
import { withoutVisibleWhiteouts } from './visible-whiteouts';

const NAMES = ['a', 'b', 'c', 'd\xff'];
/** Numbers under which files are held open. */
const HELD = [100, 101, 102];
/** What an ordinary caller of a step is. */
export const USER = { uid: 1001, gid: 1001, groups: [1002], umask: 0o022 };

/** Operations in a row by one caller. */
export interface Step {
  readonly byUser: boolean;
  readonly operations: readonly Operation[];
}

export interface Scenario {
  /** Newest first. */
  readonly lowers: readonly Layer[];
  /** Before and after the two upper layers change their file systems. */
  readonly before: readonly Step[];
  readonly after: readonly Step[];
}

const name = fc.constantFrom(...NAMES);
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join('/'));
const content = fc.oneof(
  fc.constantFrom('', 'x', 'hello', 'y'.repeat(5000)),
  fc.string({ unit: 'grapheme-ascii', maxLength: 20 }),
);
const value = fc.string({ unit: 'grapheme-ascii', maxLength: 12 });
const mode = fc.constantFrom(0o644, 0o600, 0o666, 0o777, 0o755, 0o4755, 0o2775, 0o1777, 0o000, 0o444);
const id = fc.constantFrom(0, 1001, 1002);
const someone = fc.constantFrom(0, 1001, 1002);
const owner = fc.oneof(fc.constant(-1), someone);
const time = fc.constantFrom('1000000000.000000001', '1600000000.999999999', 'now', 'omit');
const attribute = fc.constantFrom('user.a', 'user.b', 'trusted.t');
const held = fc.constantFrom(...HELD);
const offset = fc.constantFrom(0, 1, 3, 100, 4096, 70_000);
const length = fc.constantFrom(1, 4, 4096, 20_000);

const common = fc.record(
  {
    mode,
    uid: id,
    gid: id,
    xattrs: fc.dictionary(fc.constantFrom('user.a', 'user.b'), value, { maxKeys: 2 }),
  },
  { requiredKeys: [] },
);

interface Node {
  readonly entry: Entry;
  readonly children: Readonly<Record<string, Node>>;
}

const leaf = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(content, common).map(([text, more]) => file(text, more)) },
  { weight: 3, arbitrary: fc.constant(whiteout()) },
  { weight: 2, arbitrary: fc.constantFrom('a', 'b/c', '../a', '.').map((target) => symlink(target)) },
  { weight: 1, arbitrary: fc.constant(special('fifo')) },
);

const { children } = fc.letrec<{ children: Record<string, Node>; node: Node }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small', maxDepth: 3 },
    leaf.map((entry): Node => ({ entry, children: {} })),
    fc.tuple(common, fc.boolean(), fc.boolean(), tie('children')).map(
      ([more, a, b, inner]): Node => ({
        entry: { ...dir(more), opaque: a && b } as Entry,
        children: inner,
      }),
    ),
  ),
  children: fc.dictionary(name, tie('node'), { maxKeys: 4 }),
}));

const layer: Arbitrary<Layer> = children.map((nodes) => {
  const entries: Record<string, Entry> = {};
  const add = (inner: Readonly<Record<string, Node>>, prefix: string) => {
    for (const [at, node] of Object.entries(inner)) {
      entries[prefix + at] = node.entry;
      add(node.children, `${prefix}${at}/`);
    }
  };
  add(nodes, '');
  return entries;
});

/** An operation with its name and the arbitraries of its arguments. */
const call = (operation: Operation[0], ...args: Arbitrary<unknown>[]): Arbitrary<Operation> =>
  fc.tuple(...args).map((values) => [operation, ...values]);

const openFlags = fc.constantFrom(
  O_RDWR,
  O_RDWR | O_CREAT,
  O_RDWR | O_CREAT | O_EXCL,
  O_RDWR | O_TRUNC,
  O_RDWR | O_APPEND,
);
const keepSize = 1;
const punchHole = 3;

const operations: readonly Arbitrary<Operation>[] = [
  call('stat', path),
  call('names', path),
  call('get', path),
  call('put', path, content, mode),
  call('put', path, content),
  call('append', path, content),
  call('truncate', path, offset),
  call('mkdir', path, mode),
  call('mkdir', path),
  call('rmdir', path),
  call('rmdir', path),
  call('unlink', path),
  call('unlink', path),
  call('symlink', fc.constantFrom('a', 'b/c', '..', 'nowhere'), path),
  call('readlink', path),
  call('link', path, path),
  call('mknod', path, fc.constant('fifo'), mode),
  call('rename', path, path, fc.constantFrom(0, 0, 0, 1, 2)),
  call('rename', path, path, fc.constantFrom(0, 0, 0, 1, 2)),
  call('chmod', path, mode),
  call('chown', path, owner, someone),
  call('chown', path, someone, owner),
  call('utimens', path, time, time),
  call('setxattr', path, attribute, value, fc.constantFrom(0, 0, 1, 2)),
  call('getxattr', path, attribute),
  call('removexattr', path, attribute),
  call('listxattr', path),
  call('access', path, fc.constantFrom(1, 2, 4)),
  call('hold', held, path, openFlags, mode),
  call('pread', held, length, offset),
  call('pwrite', held, content, offset),
  call('ftruncate', held, offset),
  call('fallocate', held, fc.constantFrom(0, keepSize, punchHole), offset, length),
  call('copy_file_range', held, held, length, offset, offset),
  call('lseek', held, offset, fc.constantFrom(SEEK_DATA, SEEK_HOLE)),
  call('fstat', held),
  call('fchmod', held, mode),
  call('fsync', held),
];

/** Whether the transport carries it. `hold`: where open files need names, they keep directories that others remove. */
function carries(supports: Supports, [name, , , flags]: Operation): boolean {
  if (name === 'rename') return supports.renameFlags || flags === 0;
  if (name === 'fallocate') return supports.fallocate;
  if (name === 'lseek') return supports.seekHole;
  return name !== 'hold' || supports.namelessFiles;
}

/** Scenarios of operations that the transport carries. */
export function scenarios(supports: Supports): Arbitrary<Scenario> {
  const operation = fc.oneof(...operations).filter((one) => carries(supports, one));
  const step: Arbitrary<Step> = fc.record({
    byUser: fc.constantFrom(false, false, false, true),
    operations: fc.array(operation, { minLength: 1, maxLength: 12, size: 'max' }),
  });
  return fc.record({
    lowers: fc.array(layer, { minLength: 2, maxLength: 4, size: 'max' }).map(withoutVisibleWhiteouts),
    before: fc.array(step, { maxLength: 40, size: 'max' }),
    after: fc.array(step, { maxLength: 40, size: 'max' }),
  });
}

export function countOperations({ before, after }: Scenario): number {
  return [...before, ...after].reduce((sum, { operations }) => sum + operations.length, 0);
}
