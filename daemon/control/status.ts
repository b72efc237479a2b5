/** Asks a mount's process for its counters. */
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { type ByteString, shown } from '../../lib/base/bytes';
import { UserError } from '../../lib/base/errors';
import { EXIT } from '../../lib/base/exit-codes';
import { findMountpoint } from '../mount/check-mountpoint';
import { recordOf, runtimeFile } from '../mount/runtime-dir';
import { parseCounters } from '../mount/status-socket';

/** @throws UserError where there is no such mount, or its process does not answer */
export async function readStatus(path: ByteString): Promise<Record<string, number>> {
  const mountpoint = findMountpoint(path);
  const record = recordOf(mountpoint);
  if (record === undefined) {
    throw new UserError(
      'not-ours',
      `${shown(mountpoint)} was mounted by somebody else`,
      '',
      EXIT.NOT_MOUNTED,
    );
  }
  const answer = await text(connect(runtimeFile(record, 'sock'))).catch((error: Error) => error);
  const counters = typeof answer === 'string' ? parseCounters(answer) : null;
  if (counters === null) {
    throw new UserError(
      'no-answer',
      `the process of ${shown(mountpoint)} does not answer`,
      'stratafs umount cleans up after a dead one',
      EXIT.FAILURE,
      { cause: answer },
    );
  }
  return counters;
}
