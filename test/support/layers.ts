/** Layers as the tests declare them: what lies at which path of a layer directory. */
import type { Operation } from './operations';

/** Times of everything in a layer, so that a changed time shows. */
export const OLD_TIME = '1500000000.123456789';

/** What every file system here keeps as one extent. */
const BLOCK = 65536;

interface Common {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly xattrs?: Readonly<Record<string, string>>;
  readonly mtime?: string;
  /** Belongs to the host's root, whoever builds the layer. */
  readonly foreign?: boolean;
  /** As chattr(1) takes them; for the host's root only. */
  readonly flags?: 'i' | 'a';
}

export type Entry = Common &
  (
    | { readonly type: 'file'; readonly content: string }
    | { readonly type: 'dir'; readonly opaque?: boolean }
    | { readonly type: 'link'; readonly target: string }
    | { readonly type: 'fifo' | 'socket' }
    | { readonly type: 'char' | 'block'; readonly major: number; readonly minor: number }
    | { readonly type: 'hardlink'; readonly source: string }
    | { readonly type: 'big'; readonly size: number }
    | { readonly type: 'sparse'; readonly size: number; readonly blocks: readonly number[] }
  );

/** Entries by path. Directories on the way to an entry need no entry of their own. */
export type Layer = Readonly<Record<string, Entry>>;

/** Which private attributes the layers carry. */
export type PrivateXattrs = 'trusted' | 'user';

export const file = (content = '', more: Common = {}): Entry => ({ type: 'file', content, ...more });
export const dir = (more: Common = {}): Entry => ({ type: 'dir', ...more });
export const opaqueDir = (more: Common = {}): Entry => ({ type: 'dir', opaque: true, ...more });
export const symlink = (target: string, more: Common = {}): Entry => ({ type: 'link', target, ...more });
export const special = (type: 'fifo' | 'socket', more: Common = {}): Entry => ({ type, ...more });
export const device = (major: number, minor: number, more: Common = {}): Entry => ({
  type: 'char',
  major,
  minor,
  ...more,
});
/** Another name of a file that comes earlier in the same layer. */
export const hardlink = (source: string): Entry => ({ type: 'hardlink', source });
/** A file of lines, each `0123456789abcde`: larger than what should go through the actor. */
export const bigFile = (size: number, more: Common = {}): Entry => ({ type: 'big', size, ...more });
/** A file of holes, with one block of data at each of the given offsets. */
export const sparseFile = (size: number, blocks: readonly number[]): Entry => ({
  type: 'sparse',
  size,
  blocks,
});
export const whiteout = (): Entry => device(0, 0, { mode: 0 });

/** The operations that make a layer in the directory `top`. */
export function buildOperations(top: string, layer: Layer, xattrs: PrivateXattrs): Operation[] {
  const entries = withParents(layer);
  const operations: Operation[] = [];
  for (const [path, entry] of entries) operations.push(...makeEntry(top, path, entry, xattrs));
  for (const [path, entry] of [...entries].reverse()) {
    const time = entry.mtime ?? OLD_TIME;
    operations.push(['utimens', join(top, path), time, time]);
  }
  return operations;
}

function withParents(layer: Layer): [string, Entry][] {
  const entries = new Map<string, Entry>([['.', layer['.'] ?? dir()]]);
  for (const [path, entry] of Object.entries(layer)) {
    for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) {
      const parent = path.slice(0, at);
      if (!entries.has(parent)) entries.set(parent, layer[parent] ?? dir());
    }
    if (!entries.has(path)) entries.set(path, entry);
  }
  return [...entries];
}

function makeEntry(top: string, relative: string, entry: Entry, xattrs: PrivateXattrs): Operation[] {
  const path = join(top, relative);
  const operations = makeNode(top, path, entry);
  if (entry.type === 'hardlink') return operations;
  const { uid = 0, gid = 0 } = entry;
  if (uid !== 0 || gid !== 0) operations.push(['chown', path, uid, gid]);
  const attributes = { ...entry.xattrs };
  if (entry.type === 'dir' && entry.opaque) attributes[`${xattrs}.overlay.opaque`] = 'y';
  for (const [name, value] of Object.entries(attributes)) operations.push(['setxattr', path, name, value]);
  if (entry.type !== 'link') operations.push(['chmod', path, modeOf(entry)]);
  return operations;
}

function makeNode(top: string, path: string, entry: Entry): Operation[] {
  switch (entry.type) {
    case 'file':
      return [['put', path, entry.content]];
    case 'big':
      return [['run', ['sh', '-c', 'yes 0123456789abcde | head -c "$1" > "$0"', path, `${entry.size}`]]];
    case 'sparse':
      return [
        ['put', path, ''],
        ...entry.blocks.map((offset): Operation => ['put_at', path, 'x'.repeat(BLOCK), offset]),
        ['truncate', path, entry.size],
      ];
    case 'dir':
      return [['mkdir', path]];
    case 'link':
      return [['symlink', entry.target, path]];
    case 'hardlink':
      return [['link', join(top, entry.source), path]];
    case 'char':
    case 'block':
      return [['mknod', path, entry.type, 0o600, entry.major, entry.minor]];
    default:
      return [['mknod', path, entry.type]];
  }
}

function modeOf(entry: Entry): number {
  return entry.mode ?? (entry.type === 'dir' ? 0o755 : 0o644);
}

function join(top: string, path: string): string {
  return path === '.' ? top : `${top}/${path}`;
}
