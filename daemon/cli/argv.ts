/** The command line as the bytes that were given: Node decodes its own as UTF-8 and loses what is not. */
import { readFileSync, readlinkSync } from 'node:fs';
import { type ByteString, bytesOf } from '../../lib/base/bytes';

/** This process's arguments, without the interpreter and the script. */
export function argumentBytes(): ByteString[] {
  const all = bytesOf(readFileSync('/proc/self/cmdline')).split('\0').slice(0, -1) as ByteString[];
  return all.slice(all.length - (process.argv.length - 2));
}

/** An absolute path of the same file; symlinks and `..` stay as they are. */
export function absolute(path: ByteString): ByteString {
  if (path.startsWith('/')) return path;
  const here = readlinkSync('/proc/self/cwd', 'latin1');
  return `${here === '/' ? '' : here}/${path}` as ByteString;
}

/**
 * Words as yargs understands them: `-oVALUE` and `-o VALUE` (mount(8) and its helpers write both) become
 * `--options=VALUE`, and `--NAME` alone becomes `--NAME=VALUE` for the names in `bare`, so that neither takes the
 * next word for more or less than it is.
 */
export function normalizeWords(
  words: readonly ByteString[],
  bare: ReadonlyMap<string, string>,
): ByteString[] {
  const normal: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const next = words[i + 1];
    if (word === '--') return [...normal, ...words.slice(i)] as ByteString[];
    if (word === '-o' && next !== undefined) {
      normal.push(`--options=${next}`);
      i++;
    } else if (/^-o./s.test(word)) normal.push(`--options=${word.slice(2)}`);
    else if (bare.has(word)) normal.push(`${word}=${bare.get(word)}`);
    else normal.push(word);
  }
  return normal as ByteString[];
}
