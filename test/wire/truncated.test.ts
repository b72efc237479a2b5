/** Whatever a message holds, and wherever it ends: one reply at most, no exception, nothing read past its end. */
import fc from 'fast-check';
import { EINVAL, EIO, OK } from '../../lib/base/errno';
import { Opcode } from '../../lib/fuse/abi';
import { Request } from '../../lib/fuse/request';
import type { FileSystem } from '../../lib/vfs/filesystem';
import { CACHED, message, PASSTHROUGH, Wire } from '../support/fuse-wire';

/** Answers OK or 0 to everything. */
const yes = new Proxy({}, { get: () => () => OK }) as FileSystem;
const SILENT: readonly number[] = [Opcode.FORGET, Opcode.BATCH_FORGET, Opcode.INTERRUPT];

function errnoOf(reply: string): number {
  return Math.abs(Buffer.from(reply, 'hex').readInt32LE(4));
}

test('any body for any opcode gets one well-formed reply', () => {
  const wires = [new Wire(yes, CACHED), new Wire(yes, PASSTHROUGH)];
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 70 }),
      fc.uint8Array({ maxLength: 200 }),
      fc.nat({ max: 3 }),
      fc.constantFrom(...wires),
      (opcode, body, extensions, wire) => {
        const bytes = message(opcode, Buffer.from(body));
        bytes.writeUInt16LE(extensions, 36);
        const reply = wire.send(bytes);
        if (SILENT.includes(opcode)) return reply === null;
        expect(reply).not.toBeNull();
        expect(Buffer.from(reply!, 'hex').readUInt32LE(0)).toBe(reply!.length / 2);
        expect(errnoOf(reply!)).not.toBe(EIO);
        return wire.replies.length === 0;
      },
    ),
    { numRuns: 5000 },
  );
});

/** Complete bodies: the fixed part's size, and how many names follow. */
const BODIES: readonly (readonly [opcode: Opcode, fixed: number, names: number])[] = [
  [Opcode.LOOKUP, 0, 1],
  [Opcode.GETATTR, 16, 0],
  [Opcode.SETATTR, 88, 0],
  [Opcode.SYMLINK, 0, 2],
  [Opcode.MKNOD, 16, 1],
  [Opcode.MKDIR, 8, 1],
  [Opcode.RENAME, 8, 2],
  [Opcode.RENAME2, 16, 2],
  [Opcode.LINK, 8, 1],
  [Opcode.OPEN, 8, 0],
  [Opcode.READ, 40, 0],
  [Opcode.WRITE, 40, 0],
  [Opcode.RELEASE, 24, 0],
  [Opcode.FSYNC, 16, 0],
  [Opcode.SETXATTR, 16, 1],
  [Opcode.GETXATTR, 8, 1],
  [Opcode.LISTXATTR, 8, 0],
  [Opcode.CREATE, 16, 1],
  [Opcode.FALLOCATE, 32, 0],
  [Opcode.READDIRPLUS, 40, 0],
  [Opcode.LSEEK, 24, 0],
  [Opcode.COPY_FILE_RANGE_64, 56, 0],
  [Opcode.STATX, 24, 0],
];

test.each(BODIES)('opcode %i: complete is fine, every shorter message is EINVAL', (opcode, fixed, names) => {
  const wire = new Wire(yes);
  const body = Buffer.concat([Buffer.alloc(fixed), Buffer.from('name\0'.repeat(names))]);
  expect(errnoOf(wire.send(message(opcode, body))!)).toBe(OK);
  for (let length = 0; length < body.length; length++) {
    expect(errnoOf(wire.send(message(opcode, body.subarray(0, length)))!)).toBe(EINVAL);
  }
});

test('a header that lies about its length is EINVAL, one that is incomplete gets no reply', () => {
  const wire = new Wire(yes);
  const bytes = message(Opcode.UNLINK, Buffer.from('name\0'));
  bytes.writeUInt32LE(bytes.length + 8, 0);
  expect(errnoOf(wire.send(bytes)!)).toBe(EINVAL);
  bytes.writeUInt32LE(bytes.length - 1, 0);
  expect(errnoOf(wire.send(bytes)!)).toBe(EINVAL);
  expect(wire.send(bytes.subarray(0, 39))).toBeNull();
});

test('extensions: a group, none, and garbage', () => {
  const group = (extensions: number[]) => {
    const bytes = message(Opcode.MKDIR, Buffer.alloc(0), {
      extensions: Buffer.from(Uint32Array.from(extensions).buffer),
    });
    const request = new Request(bytes);
    expect(request.load(bytes.length)).toBe(true);
    return [request.supplementaryGroup(), request.short];
  };
  expect(group([16, 32, 1, 77])).toEqual([77, false]);
  expect(group([16, 5, 1, 2, 16, 32, 1, 78])).toEqual([78, false]);
  expect(group([16, 32, 0, 77])).toEqual([-1, false]);
  expect(group([])).toEqual([-1, false]);
  expect(group([4, 32])).toEqual([-1, true]);
  expect(group([64, 32, 1, 1])).toEqual([-1, true]);
});
