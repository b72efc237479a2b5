/** Layers of a union without a mount, on a small tmpfs where no device can be opened. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The lower layers of a `tree`, newest first. */
export const LOWERS = ['top', 'low'];

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
