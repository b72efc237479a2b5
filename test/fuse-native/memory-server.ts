/**
 * A process that mounts a MemoryFileSystem through fuse-native and serves it: `memory-server.js MOUNTPOINT [ro]
 * [trace]`. It checks the path table after every request, prints `ready`, and at the end of the mount what was left behind.
 */
import { bytesFromText } from '../../lib/base/bytes';
import type { JobId } from '../../lib/base/ids';
import { createLogger } from '../../lib/base/log';
import { FuseNativeTransport } from '../../lib/fuse-native/transport';
import type { JobResult } from '../../lib/vfs/jobs';
import { MemoryFileSystem } from '../support/memory-filesystem';

/** How long a job takes: long enough for other requests to come by. */
const JOB_MS = 30;

const [mountpoint, ...flags] = process.argv.slice(2);
const finished: JobResult[] = [];
const jobs = {
  fd: -1,
  stopping: false,
  take: () => finished.splice(0),
};
let lastJob = 0;

function startJob(): JobId {
  const id = ++lastJob as JobId;
  setTimeout(() => finished.push({ id, result: 0 }), JOB_MS);
  return id;
}

class CountingFileSystem extends MemoryFileSystem {
  lookupsLeft(): number {
    let left = 0;
    for (const node of this.nodes.values()) left += node.lookups;
    return left;
  }
}

async function main(): Promise<void> {
  const fs = new CountingFileSystem(bytesFromText(process.env.TMPDIR ?? '/tmp'), startJob);
  const transport = new FuseNativeTransport({
    log: createLogger({ level: 'info', file: null }),
    trace: flags.includes('trace') ? (line) => process.stderr.write(`${line}\n`) : null,
    checkAfterEach: () => {},
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
    io: 'auto',
    pollIdleCpus: false,
    stackDepth: 1,
  });
  process.stdout.write('ready\n');
  process.on('SIGTERM', () => {
    jobs.stopping = true;
  });
  await transport.serve(fs, jobs);
  process.stdout.write(
    `${JSON.stringify({ handles: fs.checkClean(), lookups: fs.lookupsLeft(), destroyed: fs.destroyed })}\n`,
  );
}

void main();
