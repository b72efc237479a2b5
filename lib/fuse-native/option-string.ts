/**
 * The option string for libfuse 2.9, which mounts as well as tunes it.
 *
 * - `modules=iconv` with ISO-8859-1 outside and UTF-8 inside turns each byte of a path into one character before
 *   the binding decodes it, and back: any name passes, as the byte string that we use everywhere.
 * - `no_splice_read` keeps each request in its thread's one receive buffer (request-window.ts).
 * - Names change through this mount alone, so absent ones stay cached for good. Present ones expire: where a rename
 *   onto an open file fails, libfuse has renamed its node already, and only another lookup mends that. Attributes
 *   are not cached: two names of one file are two inodes to libfuse, and a change through one would not show
 *   through the other.
 * - `auto_cache` keeps the kernel's pages over an open where size and mtime are unchanged.
 * - Without `hard_remove`, open files survive their names (path-table.ts).
 */
import { type ByteString, bufferOf } from '../base/bytes';
import { UserError } from '../base/errors';
import { EXIT } from '../base/exit-codes';
import type { MountOptions } from '../vfs/transport';

/** The binding cuts what is longer, without a word. */
const MAX_STRING = 1023;
const FOREVER_S = 1_000_000_000;
const ENTRY_S = 60;

const TUNING = [
  'subtype=stratafs',
  'nonempty',
  'modules=iconv,from_code=UTF-8,to_code=ISO-8859-1',
  'no_splice_read',
  'use_ino',
  'big_writes',
  'atomic_o_trunc',
  `entry_timeout=${ENTRY_S},negative_timeout=${FOREVER_S},attr_timeout=0`,
  'auto_cache,ac_attr_timeout=0',
];

/** As UTF-8 text, or null: the binding takes no other bytes. */
export function textFor(bytes: ByteString): string | null {
  const buffer = bufferOf(bytes);
  const text = buffer.toString('utf8');
  return buffer.length <= MAX_STRING && Buffer.from(text).equals(buffer) ? text : null;
}

function escaped(value: string): string {
  return value.replace(/[\\,]/g, '\\$&');
}

/** Throws a UserError where the source does not fit. */
export function optionString(options: MountOptions): string {
  const source = textFor(options.source);
  const words = [
    `fsname=${escaped(source ?? '')}`,
    ...TUNING,
    options.readOnly ? 'ro' : 'rw',
    options.nosuid ? 'nosuid' : 'suid',
    options.nodev ? 'nodev' : 'dev',
    options.noexec ? 'noexec' : 'exec',
    options.noatime ? 'noatime' : 'atime',
  ];
  if (options.allowOther) words.push('allow_other');
  if (options.defaultPermissions) words.push('default_permissions');
  const string = `-o${words.join(',')}`;
  if (source === null || Buffer.byteLength(string) > MAX_STRING) {
    throw new UserError(
      'source-too-long',
      'the source of the mount is too long for the fuse-native transport, or no UTF-8',
      'name a shorter source, or use --transport kernel',
      EXIT.USAGE,
    );
  }
  return string;
}
