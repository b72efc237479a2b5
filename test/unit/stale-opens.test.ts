/** A kernel that still knows a name by its old node: a union without a mount, told what such a kernel asks. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Name } from '../../lib/base/bytes';
import { ENOMEM, EPERM, ESTALE, OK } from '../../lib/base/errno';
import { type Fh, NO_FH, type NodeId, ROOT_NODE } from '../../lib/base/ids';
import { StaleOpens } from '../../lib/union/stale-opens';
import type { Union } from '../../lib/union/union';
import type { Kernel } from '../../lib/vfs/filesystem';
import { O_RDONLY, O_RDWR, O_TRUNC } from '../../lib/vfs/flags';
import { Attr, Call, Entry, Opened, SetAttr } from '../../lib/vfs/types';
import { openBareUnion } from '../support/bare-union';

/** More than is cached. */
const LARGE = 100_000;
const CONTENT = 'old content'.padEnd(LARGE, '.');

let base: string;
let union: Union;
let backings: number;
/** What a backing is refused with; 0: it is given. */
let refusal = 0;
let stored: number[];
let invalidated: number[];

beforeEach(() => {
  base = mkdtempSync(join(process.env.STRATAFS_SCRATCH ?? '/dev/shm', 'stratafs-unit-'));
  for (const name of ['lower', 'upper', 'work']) mkdirSync(join(base, name));
  writeFileSync(join(base, 'lower/large'), CONTENT);
  writeFileSync(join(base, 'lower/small'), 'old content');
  [backings, stored, invalidated] = [0, [], []];
  const kernel: Partial<Kernel> = {
    passthrough: true,
    zeroMessageOpens: false,
    openBacking: () => (refusal === 0 ? ++backings : -refusal),
    closeBacking: () => undefined,
    invalidateAttributes: (node) => invalidated.push(node),
    storeContent: (node) => stored.push(node),
  };
  ({ union } = openBareUnion({ base, lowers: ['lower'], kernel }));
});
afterEach(() => {
  union.destroy();
  rmSync(base, { recursive: true });
});

function by(thread: number): Call {
  return Object.assign(new Call(), { pid: thread });
}

function lookUp(name: string): { node: NodeId; cacheable: boolean } {
  const entry = new Entry();
  expect(union.lookup(by(1), ROOT_NODE, name as Name, entry)).toBe(OK);
  return { node: entry.node, cacheable: entry.attr.cacheable };
}

/** What OPEN is answered: an errno, or how the data moves. */
function open(thread: number, node: NodeId, flags = O_RDONLY): Opened | number {
  const out = new Opened();
  const errno = union.open(by(thread), node, flags, false, out);
  union.checkInvariants();
  return errno === OK ? out : errno;
}

function read(node: NodeId, fh: Fh, length = 11): string {
  const into = Buffer.alloc(length);
  expect(union.read(by(1), node, fh, 0, into)).toBe(length);
  return into.toString();
}

/** A reader with the lower file open, then a writer that has finished, by the name's new node. */
function change(): { old: NodeId; now: NodeId; reader: Opened } {
  const { node: old } = lookUp('large');
  const reader = open(1, old) as Opened;
  expect(reader).toMatchObject({ backing: 1, direct: false });
  expect(open(2, old, O_RDWR)).toBe(ESTALE);
  expect(invalidated).toEqual([old]);
  const { node: now, cacheable } = lookUp('large');
  expect([now === old, cacheable]).toEqual([false, false]);
  const writer = open(2, now, O_RDWR) as Opened;
  expect(writer).toMatchObject({ backing: 2, direct: false });
  expect(union.write(by(2), now, writer.fh, 0, Buffer.from('NEW'), false, false)).toBe(3);
  union.release(now, writer.fh);
  return { old, now, reader };
}

test('a name that is linked to the old node again is looked up again', () => {
  const { old, now } = change();
  expect(open(3, old)).toBe(ESTALE);
  expect(lookUp('large').node).toBe(now);
  expect(open(3, now)).toMatchObject({ backing: expect.any(Number), direct: false });
  // And once more, for the same thread: it has got what it wanted before.
  expect(open(3, old)).toBe(ESTALE);
});

test('what has no name to be looked up gives the new content, for reading', () => {
  const { old } = change();
  for (let times = 0; times < 2; times++) {
    expect(open(3, old)).toBe(ESTALE);
    const opened = open(3, old) as Opened;
    expect(opened).toMatchObject({ backing: 1, direct: true });
    expect(read(old, opened.fh)).toBe('NEW content');
    union.release(old, opened.fh);
  }
});

test('what has no name to be looked up is not written while others have the lower file', () => {
  const { old, now, reader } = change();
  for (let times = 0; times < 4; times++) expect(open(3, old, O_RDWR | O_TRUNC)).toBe(ESTALE);
  expect(read(now, NO_FH)).toBe('NEW content');
  union.release(old, reader.fh);
  expect(open(3, old, O_RDWR)).toBe(ESTALE);
  const opened = open(3, old, O_RDWR) as Opened;
  expect(opened).toMatchObject({ direct: false });
  expect(union.write(by(3), old, opened.fh, 0, Buffer.from('now'), false, false)).toBe(3);
  expect(read(now, NO_FH)).toBe('now content');
});

test('an open that is refused has changed nothing', () => {
  const { node } = lookUp('large');
  const reader = open(1, node) as Opened;
  for (let times = 0; times < 4; times++) expect(open(2, node, O_RDWR | O_TRUNC)).toBe(ESTALE);
  expect(() => readFileSync(join(base, 'upper/large'))).toThrow('ENOENT');
  // It is the name's node again, as nothing was written.
  expect(open(3, node)).toMatchObject({ backing: 1, direct: false });
  expect(lookUp('large').node).toBe(node);
  union.release(node, reader.fh);
});

test('truncate(2) is done at once, and the name has a new node', () => {
  const { node: old } = lookUp('large');
  open(1, old);
  const attr = new Attr();
  expect(union.setattr(by(2), old, NO_FH, Object.assign(new SetAttr(), { size: 3 }), attr)).toBe(OK);
  expect([attr.size, attr.cacheable]).toEqual([3, false]);
  expect(open(3, old)).toBe(ESTALE);
  const { node } = lookUp('large');
  expect(node).not.toBe(old);
  expect(read(node, NO_FH, 3)).toBe('old');
});

test('a small file needs no second node: everybody shares one page cache', () => {
  const { node } = lookUp('small');
  const reader = open(1, node) as Opened;
  expect([reader.backing, stored]).toEqual([0, [node]]);
  const writer = open(2, node, O_RDWR) as Opened;
  expect([writer.backing, writer.keepCache]).toEqual([0, true]);
  expect(union.write(by(2), node, writer.fh, 0, Buffer.from('NEW'), false, false)).toBe(3);
  expect(read(node, reader.fh)).toBe('NEW content');
  expect(open(3, node)).toMatchObject({ backing: 0, keepCache: true });
  expect(lookUp('small').node).toBe(node);
  for (let handles = 0; handles < 3; handles++) union.release(node, reader.fh);
  expect(open(3, node)).toMatchObject({ backing: 1 });
  expect(stored).toEqual([node]);
});

test('refusals are remembered for some threads only', () => {
  const stale = new StaleOpens();
  const node = 5 as NodeId;
  let refused = 0;
  for (let thread = 1; thread <= 10_000; thread++) refused += Number(stale.refuse(thread, node));
  expect(refused).toBe(10_000);
  expect(stale.size).toBeLessThan(2_000);
  expect(stale.refuse(10_000, node)).toBe(false);
  stale.settled(10_000);
  expect(stale.refuse(10_000, node)).toBe(true);
});

test.each([
  ['for want of memory is asked for again', ENOMEM, 1],
  ['for good is not', EPERM, 0],
])('a backing that is refused %s', (_, errno, given) => {
  const { node } = lookUp('large');
  refusal = errno;
  const refused = open(1, node) as Opened;
  refusal = 0;
  expect(refused.backing).toBe(0);
  union.release(node, refused.fh);
  expect(open(1, node)).toMatchObject({ backing: given });
});
