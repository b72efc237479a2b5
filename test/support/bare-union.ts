/** A union over real layers, without a mount, a transport or threads: operations are called as a transport would. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { bytesFromText, type Name } from '../../lib/base/bytes';
import { type JobId, type NodeId, ROOT_NODE } from '../../lib/base/ids';
import { createLogger } from '../../lib/base/log';
import { memoryIndex } from '../../lib/index/memory-index';
import { openLower, openPlain } from '../../lib/layer/layer';
import { abandonCopy } from '../../lib/union/copy-up';
import { Core } from '../../lib/union/core';
import { Union } from '../../lib/union/union';
import { Workdir } from '../../lib/union/workdir';
import type { Kernel } from '../../lib/vfs/filesystem';
import { type Attr, Call, Entry } from '../../lib/vfs/types';

const kernel = {
  passthrough: false,
  zeroMessageOpens: true,
  invalidateAttributes: () => undefined,
} as unknown as Kernel;

export class BareUnion {
  readonly base = mkdtempSync('/dev/shm/stratafs-unit-');
  readonly index = memoryIndex();
  readonly call = new Call();
  core!: Core;
  union!: Union;

  /** @param layers how many lower ones: `l1` (newest) to `lN`; beside them `upper` and `work` */
  constructor(
    private readonly layers: number,
    private readonly descriptors = 1000,
  ) {
    for (let at = 1; at <= layers; at++) mkdirSync(this.in(`l${at}`));
    for (const name of ['upper', 'work']) mkdirSync(this.in(name));
  }

  in(name: string): string {
    return join(this.base, name);
  }

  shell(script: string): string {
    const { status, stdout, stderr } = spawnSync('bash', ['-ec', script], {
      cwd: this.base,
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`${script}: ${stderr}`);
    return stdout;
  }

  /** Not by openUnion: it changes what this process may do, and all that it starts later. */
  open(): void {
    const path = (name: string) => bytesFromText(this.in(name));
    const names = Array.from({ length: this.layers }, (_, at) => `l${at + 1}`);
    this.core = new Core(
      {
        lowers: names.map(path),
        upper: path('upper'),
        work: path('work'),
        xattrs: 'trusted',
        fsync: 'never',
        volatile: false,
        xino: false,
        checkInvariants: true,
      },
      openPlain(path('upper'), 0),
      names.map((name, at) => openLower(path(name), at + 1)),
      new Workdir(path('work'), openPlain(path('work'), 0).fd, false),
      { start: () => 1 as JobId },
      createLogger({ level: 'silent', file: null }),
      this.index,
      this.descriptors,
      abandonCopy,
    );
    this.union = new Union(this.core);
    this.union.init(kernel);
  }

  /** The node of a path, each name of it looked up and forgotten again but for the last; or a positive errno. */
  walk(path: string): { node: NodeId; attr: Attr } | number {
    let at: NodeId = ROOT_NODE;
    let entry = new Entry();
    for (const name of path.split('/')) {
      entry = new Entry();
      const errno = this.union.lookup(this.call, at, name as Name, entry);
      if (at !== ROOT_NODE) this.union.forget(at, 1);
      if (errno !== 0) return errno;
      at = entry.node;
    }
    return { node: at, attr: entry.attr };
  }

  /** The errno of a lookup, which is forgotten. */
  errnoOf(path: string): number {
    const found = this.walk(path);
    if (typeof found === 'number') return found;
    this.union.forget(found.node, 1);
    return 0;
  }

  close(): void {
    this.union.destroy();
    // Not by Node, which recurses.
    spawnSync('rm', ['-rf', this.base]);
  }
}
