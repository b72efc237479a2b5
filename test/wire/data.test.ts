/** READ, WRITE, directory listings, FORGET and the rest, byte by byte. */
import type { Name } from '../../lib/base/bytes';
import { EFBIG, EIO, ENOENT, OK } from '../../lib/base/errno';
import type { Fh, Ino, NodeId } from '../../lib/base/ids';
import { encodeStore, STORE_HEAD_BYTES } from '../../lib/fuse/notify';
import { Entry, type Opened } from '../../lib/vfs/types';
import { CACHED, hex, message, PASSTHROUGH, reply, Wire } from '../support/fuse-wire';

test('READ is filled in place and may be short', () => {
  const read = jest.fn((_call, _node, _fh, _offset, into: Buffer) => into.write('data'));
  const wire = new Wire({ read });
  const body = hex('0500000000000000 0010000002000000 00100000 00000000 0000000000000000 00800000 00000000');
  expect(wire.send(message(15, body, { node: 3 }))).toBe(reply(2n, 0, '64617461'));
  expect(read.mock.lastCall!.slice(1, 4)).toEqual([3, 5, 0x2_0000_1000]);
  expect(read.mock.lastCall![4]).toHaveLength(4096);
});

test('WRITE', () => {
  const seen: unknown[] = [];
  const wire = new Wire({
    write: (_call, node, fh, offset, data, killPriv, mapped) => {
      seen.push(node, fh, offset, data.toString(), killPriv, mapped);
      return data.length;
    },
  });
  const body = hex(
    '0500000000000000 0010000002000000 03000000 04000000 0000000000000000 01800000 00000000 616263',
  );
  expect(wire.send(message(16, body, { node: 3 }))).toBe(reply(2n, 0, '03000000 00000000'));
  const fromMapping = hex(
    '0500000000000000 0010000002000000 03000000 03000000 0000000000000000 01800000 00000000 616263',
  );
  wire.send(message(16, fromMapping, { node: 3 }));
  expect(seen).toEqual([3, 5, 0x2_0000_1000, 'abc', true, false, 3, 5, 0x2_0000_1000, 'abc', false, true]);
});

test('an offset that a number does not hold exactly is EFBIG', () => {
  const wire = new Wire({});
  const body = hex(
    '0500000000000000 0100000000002000 03000000 04000000 0000000000000000 01800000 00000000 616263',
  );
  expect(wire.send(message(16, body, { node: 3 }))).toBe(reply(2n, EFBIG));
});

test('OPEN tells how the data moves', () => {
  type Fields = Partial<Opened>;
  const open = (fields: Fields) => (_c: unknown, _n: unknown, flags: number, kill: boolean, out: object) => {
    Object.assign(out, { fh: 9 as Fh, ...fields });
    return flags === 0o1002 && kill ? OK : EIO;
  };
  const flags = hex('02820000 01000000');
  const send = (backing: number, connection = PASSTHROUGH, more: Fields = {}) =>
    new Wire({ open: open({ backing, ...more }) }, connection).send(message(14, flags));
  expect(send(7)).toBe(reply(2n, 0, '0900000000000000 a0000000 07000000'));
  expect(send(0)).toBe(reply(2n, 0, '0900000000000000 22000000 00000000'));
  expect(send(7, { ...PASSTHROUGH, passthrough: false })).toBe(
    reply(2n, 0, '0900000000000000 22000000 00000000'),
  );
  expect(send(7, PASSTHROUGH, { direct: true })).toBe(reply(2n, 0, '0900000000000000 a1000000 07000000'));
  expect(send(0, PASSTHROUGH, { keepCache: false })).toBe(reply(2n, 0, '0900000000000000 20000000 00000000'));
});

test('data for the page cache, byte by byte', () => {
  const head = Buffer.alloc(STORE_HEAD_BYTES);
  encodeStore(0x1_0000_0007 as NodeId, 0x1234, head);
  const size = '5c120000 04000000 0000000000000000';
  expect(head).toEqual(hex(`${size} 0700000001000000 0000000000000000 34120000 00000000`));
});

const LIST = hex('0400000000000000 0200000000000000 c8000000 00000000 0000000000000000 00000000 00000000');

test('READDIR stops where the buffer is full', () => {
  const taken: boolean[] = [];
  const wire = new Wire({
    readdir: (_call, _node, fh, offset, sink) => {
      for (let i = 0; i < 6; i++)
        taken.push(sink.add('name-of-17-bytes-' as Name, (fh + i) as Ino, 8, offset + i + 1));
      return OK;
    },
  });
  const entry = (ino: string, next: string) =>
    `${ino} ${next} 11000000 08000000 6e616d652d6f662d31372d62797465732d 00000000000000`;
  expect(wire.send(message(28, LIST))).toBe(
    reply(
      2n,
      0,
      entry('0400000000000000', '0300000000000000') +
        entry('0500000000000000', '0400000000000000') +
        entry('0600000000000000', '0500000000000000') +
        entry('0700000000000000', '0600000000000000'),
    ),
  );
  expect(taken).toEqual([true, true, true, true, false, false]);
});

test('READDIRPLUS: an entry with what a lookup says, and dots without', () => {
  const forget = jest.fn();
  const entry = new Entry();
  entry.node = 5 as NodeId;
  entry.attr.ino = 50 as Ino;
  entry.attr.mode = 0o120777;
  const wire = new Wire({
    readdirplus: (_call, _node, _fh, _offset, sink) => {
      expect(sink.add('.' as Name, 1 as Ino, 4, 1)).toBe(true);
      expect(sink.hasRoomFor('l' as Name)).toBe(true);
      sink.addEntry('l' as Name, entry, 3);
      expect(sink.hasRoomFor('m' as Name)).toBe(false);
      return OK;
    },
    forget,
  });
  const list = Buffer.from(LIST);
  list.writeUInt32LE(2 * 160 + 159, 16);
  const expected = reply(
    2n,
    0,
    `${'00'.repeat(128)} 0100000000000000 0100000000000000 01000000 04000000 2e00000000000000
     0500000000000000 0000000000000000 0000008000000000 0000008000000000 0000000000000000
     3200000000000000 ${'00'.repeat(52)} ffa10000 ${'00'.repeat(24)}
     3200000000000000 0300000000000000 01000000 0a000000 6c00000000000000`,
  );
  expect(wire.send(message(44, list))).toBe(expected);
  expect(forget).not.toHaveBeenCalled();
  wire.acceptance = ENOENT;
  wire.send(message(44, list));
  expect(forget.mock.calls).toEqual([[5, 1]]);
});

test('FORGET and BATCH_FORGET are exact and silent', () => {
  const forget = jest.fn();
  const wire = new Wire({ forget });
  expect(wire.send(message(2, hex('0300000000000000'), { node: 8 }))).toBeNull();
  const batch = hex('02000000 00000000 0900000000000000 0100000000000000 0a00000001000000 0200000000000000');
  expect(wire.send(message(42, batch))).toBeNull();
  expect(wire.send(message(42, batch.subarray(0, 30)))).toBeNull();
  expect(forget.mock.calls).toEqual([
    [8, 3],
    [9, 1],
    [0x1_0000_000a, 2],
    [9, 1],
  ]);
});

test('COPY_FILE_RANGE: 32 bits of result, and 64', () => {
  const copyFileRange = jest.fn((...args: unknown[]) => args[7] as number);
  const wire = new Wire({ copyFileRange });
  const body = hex(`
    0100000000000000 0200000000000000 0300000000000000 0400000000000000 0500000000000000
    0000000001000000 0000000000000000
  `);
  expect(wire.send(message(47, body, { node: 6 }))).toBe(reply(2n, 0, '00f0ff7f 00000000'));
  expect(wire.send(message(53, body, { node: 6 }))).toBe(reply(2n, 0, '0000000001000000'));
  expect(copyFileRange.mock.lastCall!.slice(1)).toEqual([6, 1, 2, 3, 4, 5, 2 ** 32]);
});

test('LSEEK and FALLOCATE', () => {
  const fallocate = jest.fn(() => OK);
  const wire = new Wire({ lseek: (_c, _n, _fh, offset, whence) => offset + whence, fallocate });
  expect(wire.send(message(46, hex('0000000000000000 0000000001000000 04000000 00000000')))).toBe(
    reply(2n, 0, '0400000001000000'),
  );
  expect(
    wire.send(message(43, hex('0100000000000000 0200000000000000 0300000000000000 03000000 00000000'))),
  ).toBe(reply(2n, 0));
  expect(fallocate).toHaveBeenCalledWith(expect.anything(), 1, 1, 3, 2, 3);
});

test('RELEASE of no handle does not reach the file system', () => {
  expect(new Wire({}, CACHED).send(message(18, Buffer.alloc(24)))).toBe(reply(2n, 0));
});
