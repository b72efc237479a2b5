import { splitLayers, splitOptionString, unescapeValue } from '../../daemon/cli/option-string';
import type { ByteString } from '../../lib/base/bytes';

const bytes = (text: string): ByteString => text as ByteString;

describe('the argument of -o', () => {
  test.each([
    ['', []],
    [',,', []],
    ['ro', [['ro', null]]],
    [
      'ro,,noatime,',
      [
        ['ro', null],
        ['noatime', null],
      ],
    ],
    [
      'lowerdir=a:b,upperdir=u',
      [
        ['lowerdir', 'a:b'],
        ['upperdir', 'u'],
      ],
    ],
    [
      'upperdir=a\\,b,ro',
      [
        ['upperdir', 'a\\,b'],
        ['ro', null],
      ],
    ],
    [
      'upperdir=a\\\\,ro',
      [
        ['upperdir', 'a\\\\'],
        ['ro', null],
      ],
    ],
    ['upperdir=a=b', [['upperdir', 'a=b']]],
    ['upperdir=', [['upperdir', '']]],
    ['upperdir=\xff\xfe', [['upperdir', '\xff\xfe']]],
  ])('splits %j', (text, expected) => {
    expect(splitOptionString(bytes(text)).map(({ name, value }) => [name, value])).toEqual(expected);
  });

  test.each([
    ['a', 'a'],
    ['a\\:b', 'a:b'],
    ['a\\,b', 'a,b'],
    ['a\\\\b', 'a\\b'],
    ['a\\', 'a'],
    ['a\\\nb', 'a\nb'],
  ])('takes the escapes out of %j', (text, expected) => {
    expect(unescapeValue(bytes(text))).toBe(expected);
  });

  test.each([
    ['a', ['a']],
    ['app:base', ['app', 'base']],
    ['a\\:b:c', ['a:b', 'c']],
    ['a\\\\:c', ['a\\', 'c']],
    ['a::b', ['a', '', 'b']],
    ['', ['']],
  ])('takes %j as layers', (text, expected) => {
    expect(splitLayers(bytes(text))).toEqual(expected);
  });
});
