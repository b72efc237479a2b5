/** GETATTR, STATX, SETATTR, STATFS, xattrs and ioctl, byte by byte. */
import { EINVAL, ENODATA, ENOTTY, OK } from '../../lib/base/errno';
import type { Ino } from '../../lib/base/ids';
import { type Attr, type SetAttr, TimeSource } from '../../lib/vfs/types';
import { CACHED, hex, message, reply, Wire } from '../support/fuse-wire';

function getattr(_call: unknown, _node: number, fh: number, out: Attr): number {
  Object.assign(out, {
    ino: (100 + fh) as Ino,
    mode: 0o40755,
    nlink: 3,
    uid: 1,
    gid: 2,
    size: 40,
    blocks: 5,
    blksize: 4096,
    mtimeSec: 6,
    mtimeNs: 7,
    ctimeSec: 8,
    ctimeNs: 9,
    atimeSec: 10,
    atimeNs: 11,
    hasBtime: true,
    btimeSec: 12,
    btimeNs: 13,
  });
  return OK;
}

const ATTR = `
  2800000000000000 0500000000000000 0a00000000000000 0600000000000000 0800000000000000
  0b000000 07000000 09000000 ed410000 03000000 01000000 02000000 00000000 00100000 00000000
`;

test('GETATTR, with a handle only where the flag says so', () => {
  const wire = new Wire({ getattr });
  const valid = '0000008000000000 0000000000000000';
  expect(wire.send(message(3, hex('01000000 00000000 0500000000000000')))).toBe(
    reply(2n, 0, `${valid} 6900000000000000 ${ATTR}`),
  );
  expect(wire.send(message(3, hex('00000000 00000000 0500000000000000')))).toBe(
    reply(2n, 0, `${valid} 6400000000000000 ${ATTR}`),
  );
});

test('attributes that are not cacheable are valid for no time', () => {
  const wire = new Wire({
    getattr: (call, node, fh, out) => {
      out.cacheable = false;
      return getattr(call, node, fh, out);
    },
  });
  expect(wire.send(message(3, hex('00000000 00000000 0500000000000000')))).toBe(
    reply(2n, 0, `${'00'.repeat(16)} 6400000000000000 ${ATTR}`),
  );
});

test('STATX gives the birth time where it is asked for', () => {
  const wire = new Wire({ getattr });
  const statx = (mask: string, btime: string) => `
    0000008000000000 00000000 00000000 ${'00'.repeat(16)}
    ${mask} 00100000 0000000000000000 03000000 01000000 02000000 ed41 0000
    6400000000000000 2800000000000000 0500000000000000 0000000000000000
    0a00000000000000 0b000000 00000000 ${btime} 00000000
    0800000000000000 09000000 00000000 0600000000000000 07000000 00000000
    00000000 00000000 00000000 00000000 ${'00'.repeat(112)}`;
  const ask = (mask: string) => message(52, hex(`00000000 00000000 0000000000000000 00000000 ${mask}`));
  expect(wire.send(ask('ff0f0000'))).toBe(reply(2n, 0, statx('ff0f0000', '0c00000000000000 0d000000')));
  expect(wire.send(ask('ff070000'))).toBe(reply(2n, 0, statx('ff070000', '0000000000000000 00000000')));
});

test('SETATTR: each part alone', () => {
  const seen: SetAttr[] = [];
  const wire = new Wire({
    setattr: (_call, _node, fh, change) => {
      seen.push({ ...change });
      return fh === 0 ? EINVAL : ENODATA;
    },
  });
  const body = (valid: string) =>
    hex(`
      ${valid} 00000000 0900000000000000 0000000002000000 0000000000000000  # valid, fh, size, lock owner
      feffffffffffffff 0300000000000000 0400000000000000 05000000 06000000  # atime -2, mtime 3; nanoseconds
      07000000 ff8f0000 00000000 e8030000 e9030000 00000000                 # mode, uid, gid
    `);
  const ask = (valid: string) => wire.send(message(4, body(valid)));
  const change = (fields: Partial<SetAttr>) =>
    expect.objectContaining({
      mode: null,
      uid: null,
      gid: null,
      size: null,
      atime: TimeSource.Keep,
      mtime: TimeSource.Keep,
      killPriv: false,
      ...fields,
    });
  expect(ask('01000000')).toBe(reply(2n, EINVAL));
  expect(ask('46000000')).toBe(reply(2n, ENODATA));
  ask('08080000');
  ask('30000000');
  ask('b0010000');
  expect(seen).toEqual([
    change({ mode: 0o7777 }),
    change({ uid: 1000, gid: 1001 }),
    change({ size: 0x2_0000_0000, killPriv: true }),
    change({
      atime: TimeSource.Given,
      atimeSec: -2,
      atimeNs: 5,
      mtime: TimeSource.Given,
      mtimeSec: 3,
      mtimeNs: 6,
    }),
    change({ atime: TimeSource.Now, mtime: TimeSource.Now }),
  ]);
});

test('STATFS', () => {
  const wire = new Wire({
    statfs: (_call, out) => {
      Object.assign(out, {
        blocks: 1,
        bfree: 2,
        bavail: 3,
        files: 2 ** 40,
        ffree: 5,
        bsize: 6,
        frsize: 7,
        namelen: 255,
      });
      return OK;
    },
  });
  expect(wire.send(message(17, Buffer.alloc(0)))).toBe(
    reply(
      2n,
      0,
      `0100000000000000 0200000000000000 0300000000000000 0000000000010000 0500000000000000
       06000000 ff000000 07000000 ${'00'.repeat(28)}`,
    ),
  );
});

test('GETXATTR: the value, or its size', () => {
  const wire = new Wire({
    getxattr: (_call, _node, name, into) => (into.length === 0 ? name.length : into.write('value')),
  });
  expect(wire.send(message(22, hex('40000000 00000000 757365722e7800')))).toBe(reply(2n, 0, '76616c7565'));
  expect(wire.send(message(22, hex('00000000 00000000 757365722e7800')))).toBe(
    reply(2n, 0, '06000000 00000000'),
  );
});

test('SETXATTR in its long and its short form', () => {
  const seen: unknown[] = [];
  const setxattr = (_c: unknown, _n: unknown, name: string, value: Buffer, flags: number, kill: boolean) => {
    seen.push([name, value.toString(), flags, kill]);
    return OK;
  };
  const long = new Wire({ setxattr });
  const short = new Wire({ setxattr }, { ...CACHED, longSetxattr: false });
  expect(long.send(message(21, hex('02000000 01000000 01000000 00000000 6100 7879')))).toBe(reply(2n, 0));
  expect(short.send(message(21, hex('02000000 02000000 6200 7879')))).toBe(reply(2n, 0));
  expect(long.send(message(21, hex('03000000 01000000 01000000 00000000 6100 7879')))).toBe(
    reply(2n, EINVAL),
  );
  expect(seen).toEqual([
    ['a', 'xy', 1, true],
    ['b', 'xy', 2, false],
  ]);
});

test('IOCTL: FS_IOC_GETFLAGS and no other', () => {
  const wire = new Wire({
    ioctl: (_call, _node, _fh, _command, _input, output) => {
      output.writeUInt32LE(0x10);
      return 0;
    },
  });
  const ask = (command: string) =>
    wire.send(message(39, hex(`0000000000000000 00000000 ${command} 0000000000000000 00000000 04000000`)));
  expect(ask('01660880')).toBe(reply(2n, 0, '00000000 00000000 00000000 00000000 10000000'));
  expect(ask('01540000')).toBe(reply(2n, ENOTTY));
});
