/**
 * Mounting through fusermount3, the set-user-ID program of fuse3: it opens /dev/fuse and mounts as root, and
 * passes the descriptor back through a socket that it finds by the variable _FUSE_COMMFD.
 */
import { spawnSync } from 'node:child_process';
import { type ByteString, bufferOf, shown, textOf } from '../base/bytes';
import { EBUSY, EPERM, type Errno, OK } from '../base/errno';
import { UserError } from '../base/errors';
import { EXIT } from '../base/exit-codes';
import { close, setNonBlocking } from '../sys/open';
import { receiveDescriptor, SOCK_STREAM, socketPair } from '../sys/socket';
import type { MountOptions } from '../vfs/transport';
import { MAX_WRITE } from './abi';

const PROGRAM = 'fusermount3';
/** The descriptor as which the program gets its end of the socket pair: the first after standard error. */
const SOCKET_IN_CHILD = 3;

/**
 * Mounts, and returns the connection's descriptor, non-blocking.
 * @param unavailable what to say where there is no such program
 */
export function fusermount(options: MountOptions, unavailable: () => UserError): number {
  const pair = socketPair(SOCK_STREAM);
  if (typeof pair === 'number') throw unavailable();
  const [ours, theirs] = pair;
  try {
    const result = spawnSync(PROGRAM, ['-o', mountOptions(options), '--', argument(options.mountpoint)], {
      stdio: ['ignore', 'ignore', 'pipe', theirs],
      env: { ...process.env, _FUSE_COMMFD: String(SOCKET_IN_CHILD) },
      encoding: 'utf8',
    });
    if (result.error !== undefined) throw unavailable();
    if (result.status !== 0) throw refused(lastLine(result.stderr));
    const device = receiveDescriptor(ours);
    if (device < 0) throw refused('it passed no descriptor');
    setNonBlocking(device, true);
    return device;
  } finally {
    close(ours);
    close(theirs);
  }
}

/** Unmounts through fusermount3; null where there is no such program. */
export function fusermountUnmount(mountpoint: ByteString, lazy: boolean): Errno | null {
  const flags = lazy ? ['-u', '-z'] : ['-u'];
  const result = spawnSync(PROGRAM, [...flags, '--', argument(mountpoint)], {
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  if (result.error !== undefined) return null;
  if (result.status === 0) return OK;
  return /busy/.test(result.stderr) ? EBUSY : EPERM;
}

function refused(why: string): UserError {
  let hint = 'run as root, or inside a user namespace (unshare -Urm)';
  if (why.includes('user_allow_other')) {
    hint = 'mount without allow_other, or have root put user_allow_other into /etc/fuse.conf';
  } else if (why.includes('open /dev/fuse')) {
    hint = 'have root open the device to all (chmod 666 /dev/fuse), as distributions do';
  }
  return new UserError('fusermount-failed', `${PROGRAM} did not mount: ${why}`, hint, EXIT.NO_PRIVILEGE);
}

/** What the program said last, without its name. */
function lastLine(output: string): string {
  return (
    output
      .trimEnd()
      .split('\n')
      .at(-1)
      ?.replace(/^fusermount3: /, '') ?? ''
  );
}

function mountOptions(options: MountOptions): string {
  const source = textOf(options.source).replace(/[\\,]/g, '\\$&');
  const words = [`fsname=${source}`, 'subtype=stratafs', `max_read=${MAX_WRITE}`];
  // An unprivileged mount is nosuid and nodev in any case; their opposites are only complained about.
  if (options.readOnly) words.push('ro');
  if (options.noexec) words.push('noexec');
  if (options.noatime) words.push('noatime');
  if (options.defaultPermissions) words.push('default_permissions');
  if (options.allowOther) words.push('allow_other');
  return words.join(',');
}

/** Node passes arguments as UTF-8: a mountpoint that is none cannot be passed. */
function argument(mountpoint: ByteString): string {
  const text = textOf(mountpoint);
  if (Buffer.from(text).equals(bufferOf(mountpoint))) return text;
  throw new UserError(
    'mountpoint-not-text',
    `${PROGRAM} cannot mount on a path that is not UTF-8: ${shown(mountpoint)}`,
    'mount as root, or inside a user namespace (unshare -Urm)',
    EXIT.BAD_MOUNTPOINT,
  );
}
