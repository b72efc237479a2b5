import { type ByteString, bytesFromText } from '../../lib/base/bytes';
import type { Ino } from '../../lib/base/ids';
import { optionString } from '../../lib/fuse-native/option-string';
import { SmallInodes } from '../../lib/fuse-native/small-inode';
import { deviceOf, putStat, putStatFs, STAT_WORDS, STATFS_WORDS } from '../../lib/fuse-native/stat-words';
import type { MountOptions } from '../../lib/vfs/transport';
import { Attr, StatFs } from '../../lib/vfs/types';

const OPTIONS: MountOptions = {
  mountpoint: bytesFromText('/m'),
  source: bytesFromText('a,b\\c'),
  readOnly: false,
  allowOther: false,
  defaultPermissions: true,
  noatime: false,
  nosuid: true,
  nodev: true,
  noexec: false,
  io: 'auto',
  pollIdleCpus: false,
  stackDepth: 1,
};

test('options carry the source escaped, and what was asked for', () => {
  expect(optionString(OPTIONS)).toMatch(
    /^-ofsname=a\\,b\\\\c,subtype=stratafs,.*,rw,nosuid,nodev,exec,atime,/,
  );
  expect(optionString(OPTIONS)).not.toContain('allow_other');
  expect(optionString({ ...OPTIONS, allowOther: true, readOnly: true })).toMatch(/,ro,.*allow_other/);
});

test.each(['x'.repeat(1000), '\xff'])(
  'a source that the binding would cut or change is refused',
  (source) => {
    expect(() => optionString({ ...OPTIONS, source: source as ByteString })).toThrow(
      expect.objectContaining({ code: 'source-too-long' }),
    );
  },
);

test('large inode numbers are told apart in 32 bits', () => {
  const inodes = new SmallInodes();
  const large = [2 ** 31, 2 ** 32 + 5, 2 ** 52 + 5, 5].map((ino) => inodes.of(ino as Ino));
  expect(new Set(large).size).toBe(4);
  expect(Math.max(...large)).toBeLessThan(2 ** 32);
  expect(inodes.of((2 ** 52 + 5) as Ino)).toBe(large[2]);
  expect(inodes.of(5 as Ino)).toBe(5);
});

test('sizes and times take two words; a time before 1970 is 1970', () => {
  const attr = Object.assign(new Attr(), {
    size: 2 ** 40 + 7,
    mtimeSec: 4_000_000_000,
    mtimeNs: 123_999_999,
    atimeSec: -5,
    rdevMajor: 259,
    rdevMinor: 0x12345,
  });
  const words = new Uint32Array(STAT_WORDS);
  putStat(words, attr, 9);
  const long = (at: number): number => words[at]! + words[at + 1]! * 2 ** 32;
  expect([long(3), long(12), long(14)]).toEqual([2 ** 40 + 7, 0, 4_000_000_000_123]);
  expect(deviceOf(words[8]!)).toEqual({ major: 259, minor: 0x12345 });
});

test('a file system beyond 2^32 blocks is told in larger blocks', () => {
  const words = new Uint32Array(STATFS_WORDS);
  putStatFs(
    words,
    Object.assign(new StatFs(), { blocks: 2 ** 34, bfree: 2 ** 33, frsize: 4096, bsize: 4096 }),
  );
  expect(words[1]! * words[2]!).toBe(2 ** 46);
  expect(words[1]! * words[3]!).toBe(2 ** 45);
  expect(words[2]).toBeLessThan(2 ** 32);
});
