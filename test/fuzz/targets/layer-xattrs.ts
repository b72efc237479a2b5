/** Values of overlayfs's own xattrs, in layers that somebody else made: whatever they are, a lookup has an errno. */
import { join } from 'node:path';
import { bytesFromText, type Name } from '../../../lib/base/bytes';
import { OK } from '../../../lib/base/errno';
import { NO_FH, type NodeId, ROOT_NODE } from '../../../lib/base/ids';
import { loggerInto } from '../../../lib/base/log';
import { closeLayer, openPlain } from '../../../lib/layer/layer';
import { setxattr } from '../../../lib/sys/xattr';
import type { Union } from '../../../lib/union/union';
import { Attr, Call, Entry, SetAttr } from '../../../lib/vfs/types';
import { openBareUnion } from '../../support/bare-union';
import { LOWERS, ScratchDisk } from '../scratch-disk';
import { type FuzzTarget, must } from '../target';

const KEYS = [
  'origin',
  'opaque',
  'redirect',
  'metacopy',
  'impure',
  'whiteout',
  'nlink',
  'upper',
  'uuid',
  'protattr',
];
const PLACES: readonly (readonly [string, string | null])[] = [
  ['upper', 'mine'],
  ['upper', 'dir'],
  ['upper', null],
  ['upper/dir', 'mine'],
  ['top', 'dir'],
  ['top/dir', 'other'],
  ['low', 'file'],
  ['low', null],
];
const NAMES = ['mine', 'dir', 'file', 'other', 'absent'];
const MAX_ERRNO = 511;

/** The xattrs of an input: key, place, length, value, and so on. */
function* settings(input: Buffer): Generator<readonly [key: string, place: number, value: Buffer]> {
  for (let at = 0; at + 3 <= input.length; ) {
    const [key, place, length] = input.subarray(at, at + 3);
    yield [KEYS[key! % KEYS.length]!, place! % PLACES.length, input.subarray(at + 3, at + 3 + length!)];
    at += 3 + length!;
  }
}

const one = (key: string, place: number, value: string) =>
  Buffer.concat([Buffer.from([KEYS.indexOf(key), place, value.length]), Buffer.from(value, 'latin1')]);
const ORIGIN = `\x00\xfb\x1d\x00\x01${'u'.repeat(16)}${'h'.repeat(8)}`;

const values: FuzzTarget = {
  name: 'layer-xattrs',
  seeds: [
    Buffer.concat([one('impure', 2, 'y'), one('origin', 0, ORIGIN)]),
    Buffer.concat([one('impure', 2, 'y'), one('redirect', 1, '/dir'), one('metacopy', 0, '')]),
    Buffer.concat([one('opaque', 1, 'y'), one('opaque', 4, 'x'), one('whiteout', 5, '')]),
    Buffer.concat([
      one('nlink', 0, 'U+1'),
      one('upper', 0, ORIGIN),
      one('uuid', 2, 'u'.repeat(16)),
      one('protattr', 0, 'ia'),
    ]),
    Buffer.concat([
      one('redirect', 4, '../../etc'),
      one('metacopy', 6, ORIGIN),
      one('origin', 3, ORIGIN.slice(0, 4)),
    ]),
  ],
  regressions: [],
  open: () => {
    const disk = new ScratchDisk();
    return {
      check: (input) => {
        const tree = disk.tree();
        for (const [key, place, value] of settings(input)) {
          const [folder, name] = PLACES[place]!;
          const layer = openPlain(bytesFromText(join(tree, folder)), 0);
          setxattr(layer.fd, name as Name | null, bytesFromText(`trusted.overlay.${key}`), value);
          closeLayer(layer);
        }
        const errors: string[] = [];
        const { log } = loggerInto('error', (line) => errors.push(line));
        const { union } = openBareUnion({ base: tree, lowers: LOWERS, log });
        try {
          look(union, ROOT_NODE, 2);
          union.checkInvariants();
        } finally {
          union.destroy();
        }
        must(errors.length === 0, errors.join(''));
        disk.remove(tree);
      },
      close: () => disk.close(),
    };
  },
};

/** Lists, looks up and changes what there is. */
function look(union: Union, dir: NodeId, depth: number): void {
  const call = new Call();
  const entry = new Entry();
  const listed: Name[] = [];
  const add = (name: Name) => {
    listed.push(name);
    return true;
  };
  isErrno(union.readdir(call, dir, NO_FH, 0, { add } as never));
  for (const name of new Set([...NAMES, ...listed])) {
    if (name === '.' || name === '..') continue;
    const errno = union.lookup(call, dir, name as Name, entry);
    isErrno(errno);
    if (errno !== OK || entry.node === 0) continue;
    const { node } = entry;
    isErrno(union.setattr(call, node, NO_FH, Object.assign(new SetAttr(), { mode: 0o600 }), new Attr()));
    if (depth > 0) look(union, node, depth - 1);
  }
}

function isErrno(errno: number): void {
  must(Number.isInteger(errno) && ((errno >= 0 && errno <= MAX_ERRNO) || errno === 0x7fff), `errno ${errno}`);
}

export const LAYER_TARGETS: readonly FuzzTarget[] = [values];
