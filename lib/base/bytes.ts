/**
 * File names, paths and symlink targets are bytes. They travel as "byte strings": JavaScript strings in which
 * each character is one byte (latin1). That is lossless, compares and hashes natively, and costs one byte a
 * character in memory. Only what is shown to a person is decoded as UTF-8 (`shown`).
 *
 * What a person is shown goes to a terminal, and names are other people's: a control character in one could move the
 * cursor, retitle the window, forge a line. So what cannot be printed is shown byte by byte as `\xHH`, as bash's
 * $'…' and printf's %b read it; a backslash in a name is doubled, so that no two names are shown alike. Escaped are:
 * bytes that are no UTF-8, U+0000–001F, U+007F–009F, the line and paragraph separators, and the characters that
 * turn the direction of writing.
 */
declare const brand: unique symbol;

/** A string of bytes: every character code is below 256. */
export type ByteString = string & { readonly [brand]: 'ByteString' };

/** One path component: no slash, no NUL, at most 255 bytes. */
export type Name = ByteString;

/** The bytes of a buffer as a byte string. */
export function bytesOf(buffer: Buffer, start = 0, end = buffer.length): ByteString {
  return buffer.toString('latin1', start, end) as ByteString;
}

/** Is a value of unknown making a byte string? */
export function isByteString(value: unknown): value is ByteString {
  return typeof value === 'string' && Buffer.from(value, 'latin1').toString('latin1') === value;
}

/** The UTF-8 bytes of ordinary text as a byte string. */
export function bytesFromText(text: string): ByteString {
  return bytesOf(Buffer.from(text, 'utf8'));
}

/** A byte string as text for programs that take text: UTF-8, with U+FFFD for bytes that are not. */
export function textOf(bytes: ByteString): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

const ORDINARY = /^[ -[\]-~]*$/;
/** One character in UTF-8, or else one byte; surrogates and what lies beyond U+10FFFF are no characters. */
const CHARACTER =
  /[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}|./gs;
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;
const UNPRINTABLES = new RegExp(UNPRINTABLE, 'gu');
const UNPRINTABLES_IN_LINES = /(?![\n\t])[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** A name or path as a person is shown it, in a message, a table or the log: see the head of this file. */
export function shown(bytes: ByteString): string {
  if (ORDINARY.test(bytes)) return bytes;
  return bytes.replace(CHARACTER, (character) => {
    if (character === '\\') return '\\\\';
    if (character.length === 1) return /[ -~]/.test(character) ? character : inHex(character);
    const text = Buffer.from(character, 'latin1').toString('utf8');
    return UNPRINTABLE.test(text) ? inHex(character) : text;
  });
}

/**
 * Text that is on its way to a terminal, without what cannot be printed. Names in it should have been `shown`
 * already; this is for what slipped through, and for what other programs say.
 */
export function printable(text: string): string {
  return text.replace(UNPRINTABLES, escapeText);
}

/** As `printable`; newlines and tabs stay. */
export function printableLines(text: string): string {
  return text.replace(UNPRINTABLES_IN_LINES, escapeText);
}

/** A value as JSON that can go to a terminal; it is read back as it was. */
export function printableJson(value: unknown, indent?: number): string {
  return escapeJson(JSON.stringify(value, null, indent));
}

/** JSON text with what cannot be printed as `\uHHHH`, which means the same. */
export function escapeJson(json: string): string {
  return json.replace(
    UNPRINTABLES_IN_LINES,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function escapeText(text: string): string {
  return inHex(bytesFromText(text));
}

function inHex(bytes: string): string {
  return bytes.replace(/./gs, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** A byte string as a buffer, as Node's fs functions take it for a path. */
export function bufferOf(bytes: ByteString): Buffer {
  return Buffer.from(bytes, 'latin1');
}
