/**
 * The argument of `-o`, as overlayfs and mount(8) write it: NAME or NAME=VALUE, separated by commas; a backslash
 * takes the next byte as it is (fs/overlayfs/params.c:ovl_next_opt, ovl_parse_param_split_lowerdirs).
 */
import type { ByteString } from '../../lib/base/bytes';

/** One option: `value` still has its escapes, and is null where there is no `=`. */
export interface OptionItem {
  readonly name: string;
  readonly value: ByteString | null;
}

/** Splits at separators that no backslash protects; escapes stay. */
function splitUnescaped(text: string, separator: string): string[] {
  const parts: string[] = [];
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === separator) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

/** The options in their order; empty ones are left out. */
export function splitOptionString(text: ByteString): OptionItem[] {
  return splitUnescaped(text, ',')
    .filter((part) => part !== '')
    .map((part) => {
      const equals = part.indexOf('=');
      if (equals < 0) return { name: part, value: null };
      return { name: part.slice(0, equals), value: part.slice(equals + 1) as ByteString };
    });
}

/** A value without its escapes. A backslash at the very end stands for nothing. */
export function unescapeValue(value: ByteString): ByteString {
  return value.replace(/\\([\s\S]?)/g, '$1') as ByteString;
}

/** The layers of `lowerdir=`, newest first as they are written there. An empty one stays, to be refused. */
export function splitLayers(value: ByteString): ByteString[] {
  return splitUnescaped(value, ':').map((part) => unescapeValue(part as ByteString));
}
