/** Does a job of the serving thread: on a thread pool (koffi's, or Node's own), or here in turns with other work. */
import { copyDataInBackground } from '../../lib/layer/copy-data';
import { background } from '../../lib/sys/io';
import { systemCallOf } from '../../lib/sys/process';
import type { Job } from '../../lib/vfs/jobs';
import { removeTreeJob } from './remove-tree-job';

/** Settles with what the job's kind says: 0 or a count, or a negated errno. */
export async function runJob(job: Job): Promise<number> {
  switch (job.kind) {
    case 'copy-data':
      return -(await copyDataInBackground(job.from, job.to, job.size));
    case 'fsync':
      return -(await background.fsync(job.fd, job.dataOnly));
    case 'remove-tree':
      await removeTreeJob(job.dir, job.name);
      return 0;
    case 'syncfs':
      return -(await background.syncfs(job.fd));
    case 'system-call':
      return await systemCallOf(job.thread);
    case 'copy-range':
      return await background.copyFileRange(job.from, job.fromOffset, job.to, job.toOffset, job.length);
  }
}
