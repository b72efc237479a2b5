/** LOOKUP, CREATE, MKNOD, RENAME2 and their kin, byte by byte. */
import type { Name } from '../../lib/base/bytes';
import { EEXIST, EINVAL, EIO, ENOENT, ENOSYS, OK } from '../../lib/base/errno';
import type { Fh, Ino, NodeId } from '../../lib/base/ids';
import type { Entry, Opened } from '../../lib/vfs/types';
import { CACHED, hex, message, reply, Wire } from '../support/fuse-wire';

/** An entry whose every field differs from the others. */
function fill(entry: Entry): void {
  entry.node = 0x1_0000_0007 as NodeId;
  Object.assign(entry.attr, {
    ino: 0x1f_0000_0000_0001 as Ino,
    mode: 0o100644,
    nlink: 2,
    uid: 1000,
    gid: 1001,
    rdevMajor: 0xabc,
    rdevMinor: 0x12345,
    size: 0x2_0000_0003,
    blocks: 0x44,
    blksize: 4096,
    atimeSec: -1,
    atimeNs: 999999999,
    mtimeSec: 0x55,
    mtimeNs: 6,
    ctimeSec: 0x1_0000_0000,
    ctimeNs: 7,
  });
}

const ENTRY = `
  0700000001000000 0000000000000000  # node, generation
  0000008000000000 0000008000000000  # valid: name, attributes
  00000000 00000000                  # and their nanoseconds
  0100000000001f00 0300000002000000 4400000000000000      # ino, size, blocks
  ffffffffffffffff 5500000000000000 0000000001000000      # atime, mtime, ctime
  ffc99a3b 06000000 07000000 a4810000 02000000            # nanoseconds, mode, nlink
  e8030000 e9030000 45bc3a12 00100000 00000000            # uid, gid, rdev, blksize, flags
`;

test('LOOKUP of a name that is there', () => {
  const seen: unknown[] = [];
  const wire = new Wire({
    lookup: (call, parent, name, out) => {
      seen.push(parent, name, call.uid, call.gid, call.pid);
      fill(out);
      return OK;
    },
  });
  expect(wire.send(message(1, hex('61ff6200'), { node: 9 }))).toBe(reply(2n, 0, ENTRY));
  expect(seen).toEqual([9, 'a\xffb', 1000, 1001, 4242]);
});

test('LOOKUP of an absent name is an entry without a node, to be remembered', () => {
  const absent = `${'00'.repeat(16)} 0000008000000000 ${'00'.repeat(104)}`;
  const wire = new Wire({ lookup: () => ENOENT });
  expect(wire.send(message(1, hex('6100')))).toBe(reply(2n, 0, absent));
});

test('the unique id comes back whole, resend bit included', () => {
  const unique = 0x8000_0000_0000_0012n;
  const wire = new Wire({ unlink: () => EEXIST });
  expect(wire.send(message(10, hex('6100'), { unique }))).toBe(reply(unique, EEXIST));
});

test('CREATE with a supplementary group; kernel-only flags are gone', () => {
  const seen: unknown[] = [];
  const create = (
    call: { umask: number; group: number },
    parent: number,
    name: Name,
    mode: number,
    flags: number,
    entry: Entry,
    opened: Opened,
  ) => {
    seen.push(call.umask, call.group, parent, name, mode, flags);
    fill(entry);
    opened.fh = 0x1_0000_0005 as Fh;
    opened.backing = 3;
    return OK;
  };
  const body = hex(`
    c1820000 a4810000 12000000 00000000  # O_CREAT O_EXCL O_WRONLY O_LARGEFILE O_TRUNC; mode, umask, open flags
    6e6577 00
  `);
  const extensions = hex('10000000 20000000 01000000 39300000');
  const passthrough = new Wire({ create });
  expect(passthrough.send(message(35, body, { node: 4, extensions }))).toBe(
    reply(2n, 0, `${ENTRY} 0500000001000000 a0000000 03000000`),
  );
  expect(seen).toEqual([0o22, 12345, 4, 'new', 0o100644, 0o1201]);

  const released: unknown[] = [];
  const cached = new Wire({ create, release: (node, fh) => released.push(node, fh) }, CACHED);
  expect(cached.send(message(35, body))).toBe(reply(2n, 0, `${ENTRY} 0000000000000000 22000000 00000000`));
  expect(released).toEqual([0x1_0000_0007, 0x1_0000_0005]);
  expect(seen.slice(-5)).toEqual([-1, 1, 'new', 0o100644, 0o1201]);
});

test('MKNOD takes the device apart', () => {
  const mknod = jest.fn(() => EEXIST);
  const wire = new Wire({ mknod });
  const body = hex('b6210000 45bc3a12 00000000 00000000 64657600');
  expect(wire.send(message(9 - 1, body))).toBe(reply(2n, EEXIST));
  expect(mknod).toHaveBeenCalledWith(expect.anything(), 1, 'dev', 0o20666, 0xabc, 0x12345, expect.anything());
});

test('RENAME2', () => {
  const rename = jest.fn(() => OK);
  const wire = new Wire({ rename });
  const body = hex('0800000000000000 02000000 00000000 6f6c6400 6e657700');
  expect(wire.send(message(45, body, { node: 3 }))).toBe(reply(2n, 0));
  expect(rename).toHaveBeenCalledWith(expect.anything(), 3, 'old', 8, 'new', 2);
});

test('a cached connection refuses OPEN, OPENDIR and FLUSH without asking the file system', () => {
  const wire = new Wire({}, CACHED);
  for (const [opcode, size] of [
    [14, 8],
    [27, 8],
    [25, 24],
  ] as const) {
    expect(wire.send(message(opcode, Buffer.alloc(size)))).toBe(reply(2n, ENOSYS));
  }
});

test('unknown opcodes are ENOSYS, short messages EINVAL, exceptions EIO', () => {
  const wire = new Wire({
    unlink: () => {
      throw new Error('a bug');
    },
  });
  expect(wire.send(message(63, hex('00')))).toBe(reply(2n, ENOSYS));
  expect(wire.send(message(5000, hex('00')))).toBe(reply(2n, ENOSYS));
  expect(wire.send(message(10, hex('6162')))).toBe(reply(2n, EINVAL));
  expect(wire.send(message(45, hex('0800000000000000 02000000 00000000 6f6c6400')))).toBe(reply(2n, EINVAL));
  expect(wire.send(message(10, hex('6100')))).toBe(reply(2n, EIO));
});

test('a reply that nobody waits for gives the lookup count back', () => {
  const forget = jest.fn();
  const wire = new Wire({
    lookup: (_call, _parent, _name, out) => {
      fill(out);
      return OK;
    },
    forget,
  });
  wire.acceptance = ENOENT;
  wire.send(message(1, hex('6100')));
  expect(forget).toHaveBeenCalledWith(0x1_0000_0007, 1);
});
