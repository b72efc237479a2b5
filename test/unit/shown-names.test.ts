import fc from 'fast-check';
import { type ByteString, printable, printableJson, printableLines, shown } from '../../lib/base/bytes';

/** What must never reach a terminal. */
const FORBIDDEN = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

const bytes = (text: string): ByteString => Buffer.from(text, 'utf8').toString('latin1') as ByteString;

test.each([
  ['plain-name_1.txt', 'plain-name_1.txt'],
  ['blank \'quote\' "x" $', 'blank \'quote\' "x" $'],
  ['für/文件/🙂', 'für/文件/🙂'],
  ['\x1b[31mred', '\\x1b[31mred'],
  ['two\nlines\t\r', 'two\\x0alines\\x09\\x0d'],
  ['del\x7f', 'del\\x7f'],
  ['csi\u009b31m', 'csi\\xc2\\x9b31m'],
  ['exe\u202etxt.', 'exe\\xe2\\x80\\xaetxt.'],
  ['\u2066a\u2069\u200f', '\\xe2\\x81\\xa6a\\xe2\\x81\\xa9\\xe2\\x80\\x8f'],
  ['line\u2028', 'line\\xe2\\x80\\xa8'],
  ['back\\slash', 'back\\\\slash'],
  ['\\x1b', '\\\\x1b'],
])('%j is shown as %s', (text, expected) => {
  expect(shown(bytes(text))).toBe(expected);
});

test.each([
  ['\x9b31m', '\\x9b31m'],
  ['\xff\xfe', '\\xff\\xfe'],
  ['\xc3', '\\xc3'],
  ['\xc0\xaf', '\\xc0\\xaf'],
  ['\xed\xa0\x80', '\\xed\\xa0\\x80'],
  ['\xf4\x90\x80\x80', '\\xf4\\x90\\x80\\x80'],
  ['\xe2\x80', '\\xe2\\x80'],
])('the bytes %j, which are no UTF-8, are shown as %s', (raw, expected) => {
  expect(shown(raw as ByteString)).toBe(expected);
});

/** What bash's $'…' and printf's %b make of it. */
function unshown(text: string): string {
  return text.replace(/\\(?:x([0-9a-f]{2})|(\\))|([^\\]+)/gu, (_, hex, backslash, plain) =>
    hex ? String.fromCharCode(Number.parseInt(hex, 16)) : (backslash ?? bytes(plain)),
  );
}

test('no bytes show anything unprintable, and each can be told from what is shown', () => {
  const anything = fc.oneof(
    fc.uint8Array({ maxLength: 40 }).map((raw) => Buffer.from(raw).toString('latin1')),
    fc.string({ unit: 'binary', maxLength: 20 }).map(bytes),
  );
  fc.assert(
    fc.property(anything, (raw) => {
      const text = shown(raw as ByteString);
      expect(text).not.toMatch(FORBIDDEN);
      expect(text).not.toContain('\ufffd');
      expect(unshown(text)).toBe(raw);
      expect(printable(text)).toBe(text);
    }),
    { numRuns: 3000 },
  );
});

test('text of others is printable, and JSON stays what it was', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
      expect(printable(text)).not.toMatch(FORBIDDEN);
      expect(printableLines(text).replace(/[\n\t]/g, '')).not.toMatch(FORBIDDEN);
      const json = printableJson({ [text]: [text] });
      expect(json).not.toMatch(FORBIDDEN);
      expect(JSON.parse(json)).toEqual({ [text]: [text] });
    }),
    { numRuns: 2000 },
  );
});
