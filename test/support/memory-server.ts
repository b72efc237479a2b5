/**
 * A process that mounts a MemoryFileSystem and serves it: `memory-server.js MOUNTPOINT passthrough|cached|auto
 * [ro] [trace]`. It prints `ready`, and at the end of the mount what was left behind.
 */
import { bytesFromText } from '../../lib/base/bytes';
import type { JobId } from '../../lib/base/ids';
import { createLogger } from '../../lib/base/log';
import { KernelTransport } from '../../lib/fuse/kernel-transport';
import { eventfd, signalEvent } from '../../lib/sys/io';
import type { JobResult } from '../../lib/vfs/jobs';
import type { IoMode } from '../../lib/vfs/transport';
import { MemoryFileSystem } from './memory-filesystem';

const [mountpoint, io, ...flags] = process.argv.slice(2);
const finished: JobResult[] = [];
const jobs = {
  fd: eventfd(),
  stopping: false,
  take: () => finished.splice(0),
};
let lastJob = 0;

/** A job that is done as soon as it is started: its requests park all the same. */
function startJob(): JobId {
  const id = ++lastJob as JobId;
  finished.push({ id, result: 0 });
  signalEvent(jobs.fd);
  return id;
}

const fs = new MemoryFileSystem(bytesFromText(process.env.TMPDIR ?? '/tmp'), startJob);
const transport = new KernelTransport({
  log: createLogger({ level: 'info', file: null }),
  trace: flags.includes('trace') ? (line) => process.stderr.write(`${line}\n`) : null,
});
transport.mount({
  mountpoint: bytesFromText(mountpoint!),
  source: bytesFromText('memory,test'),
  readOnly: flags.includes('ro'),
  allowOther: true,
  defaultPermissions: true,
  noatime: false,
  nosuid: true,
  nodev: false,
  noexec: false,
  io: io as IoMode | 'auto',
  pollIdleCpus: false,
  stackDepth: 1,
});
process.stdout.write('ready\n');
transport.serve(fs, jobs);
process.stdout.write(`${JSON.stringify({ left: fs.checkClean(), destroyed: fs.destroyed })}\n`);
