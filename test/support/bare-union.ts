/** A union over real layers, without a mount, a transport or threads: operations are called as a transport would. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { bytesFromText, type Name } from '../../lib/base/bytes';
import { type Errno, PARKED } from '../../lib/base/errno';
import { type JobId, type NodeId, ROOT_NODE } from '../../lib/base/ids';
import { createLogger, type Logger } from '../../lib/base/log';
import type { ListingIndex } from '../../lib/index/index-store';
import { memoryIndex } from '../../lib/index/memory-index';
import { closeLayer, openLower, openPlain } from '../../lib/layer/layer';
import { abandonCopy } from '../../lib/union/copy-up';
import { Core } from '../../lib/union/core';
import type { UnionOptions } from '../../lib/union/options';
import { Union } from '../../lib/union/union';
import { Workdir } from '../../lib/union/workdir';
import type { Kernel } from '../../lib/vfs/filesystem';
import type { Job } from '../../lib/vfs/jobs';
import { type Attr, Call, Entry } from '../../lib/vfs/types';

const CACHED: Partial<Kernel> = {
  passthrough: false,
  zeroMessageOpens: true,
  invalidateAttributes: () => undefined,
};

export interface BareParts {
  /** The folder of `upper`, `work` and the lower layers. */
  readonly base: string;
  /** Newest first. */
  readonly lowers: readonly string[];
  /** As much of a kernel as is asked; one in cached mode. */
  readonly kernel?: Partial<Kernel>;
  /** Where what is started goes; a job's id is its place in it, from 1 on. */
  readonly jobs?: Job[];
  readonly log?: Logger;
  readonly index?: ListingIndex;
  readonly descriptors?: number;
  readonly options?: Partial<UnionOptions>;
}

/** Not by openUnion: it changes what this process may do, and all that it starts later. */
export function openBareUnion(parts: BareParts): { core: Core; union: Union } {
  const { base, lowers, jobs = [], descriptors = 100 } = parts;
  const path = (name: string) => bytesFromText(join(base, name));
  const work = openPlain(path('work'), 0);
  const core = new Core(
    {
      lowers: lowers.map(path),
      upper: path('upper'),
      work: path('work'),
      xattrs: 'trusted',
      fsync: 'never',
      volatile: false,
      xino: false,
      checkInvariants: true,
      ...parts.options,
    },
    openPlain(path('upper'), 0),
    lowers.map((name, at) => openLower(path(name), at + 1)),
    new Workdir(path('work'), work.fd, false),
    { start: (job) => jobs.push(job) as JobId },
    parts.log ?? createLogger({ level: 'silent', file: null }),
    parts.index ?? memoryIndex(),
    descriptors,
    abandonCopy,
  );
  closeLayer(work);
  const union = new Union(core);
  union.init((parts.kernel ?? CACHED) as Kernel);
  return { core, union };
}

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

  open(): void {
    const lowers = Array.from({ length: this.layers }, (_, at) => `l${at + 1}`);
    const { base, index, descriptors } = this;
    ({ core: this.core, union: this.union } = openBareUnion({ base, lowers, index, descriptors }));
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

  /** The errno of an operation, again and again until the slices that it waits for are done. */
  finish(operation: () => Errno): Errno {
    this.call.jobResult = null;
    for (;;) {
      const errno = operation();
      if (errno !== PARKED) return errno;
      while (this.union.workIn === 0) {
        const ended = this.union.work();
        if (ended === null) continue;
        this.union.jobDone(ended.id, ended.result);
        this.call.jobResult = ended.result;
      }
    }
  }

  close(): void {
    this.union.destroy();
    // Not by Node, which recurses.
    spawnSync('rm', ['-rf', this.base]);
  }
}
