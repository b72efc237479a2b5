/**
 * File names, paths and symlink targets are bytes. They travel as "byte strings": JavaScript strings in which
 * each character is one byte (latin1). That is lossless, compares and hashes natively, and costs one byte a
 * character in memory. Only what is shown to a person is decoded as UTF-8.
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

/** The UTF-8 bytes of ordinary text as a byte string. */
export function bytesFromText(text: string): ByteString {
  return bytesOf(Buffer.from(text, 'utf8'));
}

/** A byte string as text for people: UTF-8, with U+FFFD for bytes that are not. */
export function textOf(bytes: ByteString): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** A byte string as a buffer, as Node's fs functions take it for a path. */
export function bufferOf(bytes: ByteString): Buffer {
  return Buffer.from(bytes, 'latin1');
}
