/** The operations that are struck, each a sequence of atomic steps over layers of its own. */
import { O_RDWR, O_TMPFILE, RENAME_EXCHANGE } from '../../lib/vfs/flags';
import { dir, file, hardlink, type Layer, opaqueDir, symlink, whiteout } from '../support/layers';
import type { Operation, Tree } from '../support/operations';

export interface Case {
  readonly name: string;
  readonly lower?: Layer;
  readonly upper?: Layer;
  /** @param at gives a name of the case its path */
  steps(at: (name: string) => string): Operation[];
  /** What a death within the first step may leave too, from the state before it. */
  meanwhile?(before: Tree): Tree;
  /** Left out of the daily run. */
  readonly byHand?: boolean;
}

const ACL = '\x02\0\0\0\x01\0\x07\0\xff\xff\xff\xff\x04\0\x05\0\xff\xff\xff\xff\x20\0\x05\0\xff\xff\xff\xff';
const other = { uid: 1001, gid: 1002, xattrs: { 'user.tag': 't' } };
const rich = { ...other, mode: 0o640 };
const richDir = dir({ ...other, mode: 0o2751 });
const aclDir = dir({ ...other, xattrs: { 'user.tag': 't', 'system.posix_acl_default': ACL } });
const deep: Layer = { one: richDir, 'one/two': aclDir, 'one/two/file': file('lower', rich) };
const HANDLE = 60;
const BIG = 'big content '.repeat(2 ** 16);

export const cases: readonly Case[] = [
  {
    name: 'append to a lower file deep down',
    lower: deep,
    steps: (at) => [['append', at('one/two/file'), '+']],
  },
  {
    name: 'chmod and setxattr of lower files',
    lower: { a: file('a', rich), b: file('b', rich) },
    steps: (at) => [
      ['chmod', at('a'), 0o4755],
      ['setxattr', at('b'), 'user.new', 'n'],
    ],
  },
  {
    name: 'chmod and setxattr of a lower directory',
    lower: { 'd/below': file('below'), d: richDir },
    steps: (at) => [
      ['setxattr', at('d'), 'user.new', 'n'],
      ['chmod', at('d'), 0o700],
    ],
  },
  {
    name: 'chown of a lower symlink',
    lower: { l: symlink('target', { uid: 1001 }) },
    steps: (at) => [['chown', at('l'), 1003, 1003]],
    byHand: true,
  },
  {
    name: 'append to one of two lower hard links',
    lower: { a: file('linked', { ...rich, mode: 0o600 }), b: hardlink('a') },
    steps: (at) => [
      ['chmod', at('a'), 0o600],
      ['append', at('a'), '+'],
    ],
    byHand: true,
  },
  {
    name: 'truncate a lower file',
    lower: { a: file('0123456789', rich), b: file('0123456789') },
    steps: (at) => [
      ['truncate', at('a'), 4],
      ['put', at('b'), ''],
    ],
  },
  {
    name: 'delete files: lower, upper, both',
    lower: { lower: file('l'), both: file('lower') },
    upper: { upper: file('u'), both: file('upper') },
    steps: (at) => [
      ['unlink', at('lower')],
      ['unlink', at('upper')],
      ['unlink', at('both')],
    ],
  },
  {
    name: 'delete a lower file deep down',
    lower: deep,
    steps: (at) => [['unlink', at('one/two/file')]],
  },
  {
    name: 'rmdir of a merged directory, emptied by whiteouts',
    lower: { 'd/gone': file('gone'), 'd/sub/gone': file('gone') },
    upper: { 'd/gone': whiteout(), 'd/sub': whiteout() },
    steps: (at) => [['rmdir', at('d')]],
  },
  {
    name: 'rmdir of a lower directory and of an opaque one',
    lower: { 'base/empty': dir(), 'base/opaque/hidden': file('hidden') },
    upper: { 'base/opaque': opaqueDir() },
    steps: (at) => [
      ['rmdir', at('base/empty')],
      ['rmdir', at('base/opaque')],
    ],
  },
  {
    name: 'create over a whiteout',
    lower: { d: aclDir, 'd/a': file('deleted'), 'd/b': file('deleted'), 'd/c': file('deleted') },
    upper: { d: aclDir, 'd/a': whiteout(), 'd/b': whiteout(), 'd/c': whiteout() },
    steps: (at) => [
      ['put', at('d/a'), ''],
      ['symlink', 'target', at('d/b')],
      ['mknod', at('d/c'), 'fifo', 0o640],
    ],
  },
  {
    name: 'mkdir over a whiteout',
    lower: { 'd/deleted': file('deleted') },
    upper: { d: whiteout() },
    steps: (at) => [['mkdir', at('d'), 0o750]],
  },
  {
    name: 'mkdir and create in a lower directory',
    lower: { d: aclDir, 'd/below': file('below') },
    steps: (at) => [
      ['mkdir', at('d/new')],
      ['put', at('d/new/file'), ''],
    ],
  },
  {
    name: 'rename a lower file onto a lower file',
    lower: { 'from/a': file('source', rich), 'to/b': file('target') },
    steps: (at) => [['rename', at('from/a'), at('to/b')]],
  },
  {
    name: 'rename a file over a whiteout',
    lower: { a: file('source', rich), b: file('deleted') },
    upper: { b: whiteout() },
    steps: (at) => [['rename', at('a'), at('b')]],
  },
  {
    name: 'rename an upper directory over a whiteout and back',
    lower: { 'b/deleted': file('deleted') },
    upper: { 'a/file': file('moved'), a: opaqueDir(), b: whiteout() },
    steps: (at) => [
      ['rename', at('a'), at('b')],
      ['rename', at('b'), at('a')],
    ],
  },
  {
    name: 'rename an upper directory over an empty merged one',
    lower: { 'b/gone': file('gone') },
    upper: { 'a/file': file('moved'), b: richDir, 'b/gone': whiteout() },
    steps: (at) => [['rename', at('a'), at('b')]],
    // An empty twin takes its place first, as in overlayfs (fs/overlayfs/dir.c:ovl_clear_empty).
    meanwhile: (before) => ({ ...before, b: { ...before.b!, ino: 'new' } }),
  },
  {
    name: 'exchange: two lower files, and a lower file with an upper directory',
    lower: { a: file('a', rich), b: file('b'), c: file('c') },
    upper: { 'd/file': file('d') },
    steps: (at) => [
      ['rename', at('a'), at('b'), RENAME_EXCHANGE],
      ['rename', at('c'), at('d'), RENAME_EXCHANGE],
    ],
  },
  {
    name: 'link a lower file, to a free name and over a whiteout',
    lower: { a: file('a', rich), b: file('deleted') },
    upper: { b: whiteout() },
    steps: (at) => [
      ['link', at('a'), at('free')],
      ['link', at('a'), at('b')],
    ],
  },
  {
    name: 'a file without a name gets one',
    lower: { 'd/b': file('deleted') },
    upper: { 'd/b': whiteout() },
    steps: (at) => [
      ['hold', HANDLE, at('d'), O_TMPFILE | O_RDWR, 0o600],
      ['linkfd', HANDLE, at('d/free')],
      ['linkfd', HANDLE, at('d/b')],
      ['close', HANDLE],
    ],
  },
  {
    name: 'copy up a big file',
    lower: { big: file(BIG, rich) },
    steps: (at) => [['append', at('big'), '+']],
  },
];

/** STRATAFS_CRASH=all: everything there is, by hand. */
export const EVERYTHING = process.env.STRATAFS_CRASH === 'all';
export const chosen = cases.filter(({ byHand }) => EVERYTHING || !byHand);
