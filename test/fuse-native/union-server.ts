/**
 * A process that mounts a union through fuse-native: `union-server.js MOUNTPOINT UPPER WORK LOWER…`, newest lower
 * first. It prints `ready`, and `gone` at the end of the mount. It shows how a daemon wires this transport: union,
 * transport and jobs on the main thread, and nothing on it that looks at the mount.
 */
import { runJob } from '../../daemon/mount/run-job';
import { bytesFromText } from '../../lib/base/bytes';
import type { JobId } from '../../lib/base/ids';
import { createLogger } from '../../lib/base/log';
import { FuseNativeTransport } from '../../lib/fuse-native/transport';
import { memoryIndex } from '../../lib/index/memory-index';
import { openUnion } from '../../lib/union/union';
import type { Job, JobResult } from '../../lib/vfs/jobs';

const [mountpoint, upper, work, ...lowers] = process.argv.slice(2).map(bytesFromText);

class Jobs {
  readonly fd = -1;
  stopping = false;
  private readonly finished: JobResult[] = [];
  private last = 0;

  start(job: Job): JobId {
    const id = ++this.last as JobId;
    void runJob(job).then((result) => this.finished.push({ id, result }));
    return id;
  }

  take(): JobResult[] {
    return this.finished.splice(0);
  }
}

async function main(): Promise<void> {
  const log = createLogger({ level: 'info', file: null });
  const jobs = new Jobs();
  const transport = new FuseNativeTransport({
    log,
    trace: process.env.TRACE ? (line) => process.stderr.write(`${line}\n`) : null,
    checkAfterEach: () => union.checkInvariants(),
  });
  const union = openUnion(
    {
      lowers,
      upper: upper!,
      work: work!,
      xattrs: 'trusted',
      fsync: 'auto',
      volatile: false,
      xino: false,
      checkInvariants: true,
    },
    jobs,
    log,
    memoryIndex(),
  );
  transport.mount({
    mountpoint: mountpoint!,
    source: bytesFromText('union'),
    readOnly: false,
    allowOther: true,
    defaultPermissions: true,
    noatime: false,
    nosuid: false,
    nodev: false,
    noexec: false,
    io: 'auto',
    pollIdleCpus: false,
    stackDepth: union.stackDepth,
  });
  process.stdout.write('ready\n');
  await transport.serve(union, jobs);
  process.stdout.write('gone\n');
}

void main();
