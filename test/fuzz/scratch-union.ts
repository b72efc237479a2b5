/** A union without a mount, over directories of a small tmpfs on which no device can be opened. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bytesFromText } from '../../lib/base/bytes';
import type { JobId } from '../../lib/base/ids';
import type { Logger } from '../../lib/base/log';
import { memoryIndex } from '../../lib/index/memory-index';
import { closeLayer, openLower, openPlain } from '../../lib/layer/layer';
import { abandonCopy } from '../../lib/union/copy-up';
import { Core } from '../../lib/union/core';
import { Union } from '../../lib/union/union';
import { Workdir } from '../../lib/union/workdir';
import type { Kernel } from '../../lib/vfs/filesystem';
import type { Job } from '../../lib/vfs/jobs';

const DESCRIPTORS = 100;

export class ScratchDisk {
  readonly root = mkdtempSync(join(process.env.STRATAFS_SCRATCH ?? '/dev/shm', 'stratafs-bare-'));
  private trees = 0;

  constructor() {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=32m,nodev,nosuid', 'stratafs-bare', this.root]);
  }

  /** A folder with two lower layers, an upper and a work directory. */
  tree(): string {
    const base = join(this.root, `${++this.trees}`);
    for (const name of ['low', 'top', 'upper', 'work'])
      mkdirSync(join(base, name, 'dir'), { recursive: true });
    rmSync(join(base, 'work/dir'), { recursive: true });
    writeFileSync(join(base, 'low/dir/file'), 'lower');
    writeFileSync(join(base, 'low/file'), 'lower');
    writeFileSync(join(base, 'top/dir/other'), 'other');
    writeFileSync(join(base, 'upper/mine'), 'upper');
    writeFileSync(join(base, 'upper/dir/mine'), 'upper');
    return base;
  }

  remove(tree: string): void {
    rmSync(tree, { recursive: true });
  }

  close(): void {
    execFileSync('umount', ['-l', this.root]);
    rmSync(this.root, { recursive: true });
  }
}

/**
 * Opens the union of a `tree`. Not by openUnion: it changes what this process may do, and all that it starts later.
 * @param jobs where what is started goes; a job's id is its place in it, from 1 on
 */
export function openBareUnion(base: string, kernel: Partial<Kernel>, log: Logger, jobs: Job[]): Union {
  const path = (name: string) => bytesFromText(join(base, name));
  const work = openPlain(path('work'), 0);
  const core = new Core(
    {
      lowers: [path('top'), path('low')],
      upper: path('upper'),
      work: path('work'),
      xattrs: 'trusted',
      fsync: 'never',
      volatile: false,
      xino: false,
      checkInvariants: true,
    },
    openPlain(path('upper'), 0),
    [openLower(path('top'), 1), openLower(path('low'), 2)],
    new Workdir(path('work'), work.fd, false),
    { start: (job) => jobs.push(job) as JobId },
    log,
    memoryIndex(),
    DESCRIPTORS,
    abandonCopy,
  );
  closeLayer(work);
  const union = new Union(core);
  union.init(kernel as Kernel);
  return union;
}
