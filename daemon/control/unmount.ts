/** Takes a mount away from outside, alive or dead, and waits until its process has ended. */

import { promises } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ByteString, bufferOf } from '../../lib/base/bytes';
import { OK } from '../../lib/base/errno';
import { findMountpoint } from '../mount/check-mountpoint';
import { isAlive } from '../mount/process-id';
import { type MountRecord, recordOf, removeRecord } from '../mount/runtime-dir';
import { unmountError, unmountOffThread } from '../mount/unmount';

const PATIENCE_MS = 10_000;

/** @throws UserError: busy (7), not mounted (8), not permitted (6) */
export async function unmountAt(path: ByteString, lazy: boolean): Promise<void> {
  const mountpoint = findMountpoint(path);
  const record = recordOf(mountpoint);
  const dead = record === undefined ? await answersNobody(mountpoint) : !isAlive(record);
  const errno = await unmountOffThread(mountpoint, lazy || dead);
  if (errno !== OK) throw unmountError(mountpoint, errno);
  if (record === undefined) return;
  if (!lazy) await untilEnded(record);
  if (!isAlive(record)) removeRecord(record);
}

/** A mount whose process died answers ENOTCONN, or ECONNABORTED while it is dying. */
async function answersNobody(mountpoint: ByteString): Promise<boolean> {
  try {
    await promises.stat(bufferOf(mountpoint));
    return false;
  } catch (error) {
    return ['ENOTCONN', 'ECONNABORTED'].includes((error as NodeJS.ErrnoException).code ?? '');
  }
}

/** A mount that another mount namespace still has is served on: then it is left alone after a while. */
async function untilEnded(record: MountRecord): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  for (let pause = 1; isAlive(record) && Date.now() < deadline; pause = Math.min(pause * 2, 50)) {
    await sleep(pause);
  }
}
