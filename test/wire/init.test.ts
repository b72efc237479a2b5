/** INIT: what is asked for, and the bytes of it. */
import { type Agreement, decodeInit, negotiate, type Offer, putInit, type Wishes } from '../../lib/fuse/init';
import { Reply } from '../../lib/fuse/reply';
import { Request } from '../../lib/fuse/request';
import { hex, message } from '../support/fuse-wire';

/** What Linux 6.18 says. */
const OFFER = hex('07000000 2d000000 00000200 fbfffff3 fd070000');
const ALL: Offer = { major: 7, minor: 45, maxReadahead: 0x20000, flags: -1, flags2: -1 };
const WISHES: Wishes = {
  io: 'auto',
  readOnly: false,
  defaultPermissions: true,
  stackDepth: 1,
  mayRegisterBacking: true,
};
const ATOMIC_O_TRUNC = 1 << 3;
const WRITEBACK_CACHE = 1 << 16;
const POSIX_ACL = 1 << 20;
const PASSTHROUGH = 1 << 5;

function agree(offer: Offer, wishes: Partial<Wishes>): Agreement {
  const agreement = negotiate(offer, { ...WISHES, ...wishes });
  if (typeof agreement === 'string') throw new Error(agreement);
  return agreement;
}

function decode(bytes: Buffer): Offer | null {
  const request = new Request(bytes);
  return request.load(bytes.length) ? decodeInit(request) : null;
}

function bytesOf(agreement: Agreement): string {
  const reply = new Reply();
  putInit(reply, agreement);
  return reply.bytes.toString('hex', 16, reply.at);
}

test('the offer, long and short, and what is none', () => {
  expect(decode(message(26, OFFER))).toEqual({
    major: 7,
    minor: 45,
    maxReadahead: 0x20000,
    flags: 0xf3fffffb,
    flags2: 0x7fd,
  });
  expect(decode(message(26, hex('07000000 1c000000 00000200 ffffff0f')))).toMatchObject({ flags2: 0 });
  expect(decode(message(26, OFFER.subarray(0, 12)))).toBeNull();
  expect(decode(message(3, OFFER))).toBeNull();
});

test('passthrough, byte by byte', () => {
  expect(bytesOf(agree(ALL, {}))).toBe(
    hex(`
      07000000 2d000000 00000200 6960d470  # version, read-ahead, flags
      4000 3000 00001000 01000000          # background requests, congestion, largest write, 1 ns
      0001 0000 e4000000 01000000          # pages; flags above 31; stack depth
      ${'00'.repeat(24)}
    `).toString('hex'),
  );
});

test('cached, byte by byte: no atomic O_TRUNC, no passthrough', () => {
  expect(bytesOf(agree(ALL, { io: 'cached' }))).toBe(
    hex(`
      07000000 2d000000 00000200 6160d470
      4000 3000 00001000 01000000
      0001 0000 c4000000 00000000
      ${'00'.repeat(24)}
    `).toString('hex'),
  );
});

test('auto chooses passthrough where it is offered, permitted and of use', () => {
  const passes = (offer: Partial<Offer>, wishes: Partial<Wishes>) =>
    agree({ ...ALL, ...offer }, wishes).passthrough;
  expect(passes({}, {})).toBe(true);
  expect(passes({ flags2: ~PASSTHROUGH }, {})).toBe(false);
  expect(passes({}, { mayRegisterBacking: false })).toBe(false);
  expect(passes({}, { readOnly: true })).toBe(false);
  expect(passes({}, { readOnly: true, io: 'passthrough' })).toBe(true);
  expect(negotiate(ALL, { ...WISHES, io: 'passthrough', mayRegisterBacking: false })).toBe('no-passthrough');
});

test('a kernel that cannot open without messages gets atomic O_TRUNC', () => {
  const NO_OPENDIR_SUPPORT = 1 << 24;
  const agreement = agree({ ...ALL, flags: ~NO_OPENDIR_SUPPORT }, { io: 'cached' });
  expect(agreement.zeroMessageOpens).toBe(false);
  expect(agreement.flags & ATOMIC_O_TRUNC).toBe(ATOMIC_O_TRUNC);
});

test('nothing is asked for that is not offered, and never the writeback cache', () => {
  expect(agree({ ...ALL, flags: 0, flags2: 0 }, {})).toMatchObject({ flags: 0, flags2: 0 });
  expect(agree(ALL, {}).flags & WRITEBACK_CACHE).toBe(0);
  expect(agree(ALL, { defaultPermissions: false }).flags & POSIX_ACL).toBe(0);
});

test('an old protocol is refused', () => {
  expect(negotiate({ ...ALL, minor: 27 }, WISHES)).toBe('protocol-too-old');
  expect(negotiate({ ...ALL, major: 6 }, WISHES)).toBe('protocol-too-old');
  expect(agree({ ...ALL, minor: 31 }, {}).minor).toBe(31);
});
