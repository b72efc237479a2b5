/** A stack of layers mounted by a target: built, mounted, and taken down with the promises every mount must keep. */
import { chownSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Actor, type Credentials, type Errnos, type Files } from './actor';
import { buildOperations, type Layer } from './layers';
import type { Operation, Tree } from './operations';
import { execute, host, makeScratch, type Place } from './place';
import type { Mounted, Target } from './targets';
import { differences } from './trees';

export interface StackSpec {
  /** Newest first. */
  readonly lowers: readonly Layer[];
  /** Null for a mount without an upper layer. */
  readonly upper?: Layer | null;
  /** The work directory itself is `.` in it. */
  readonly work?: Layer;
  readonly options?: readonly string[];
}

/** Run by the builder when it ends, so that nothing is left behind even when the tests are killed. */
const CLEAN_UP = 'umount -l "$0/mnt"; rm -rf --one-file-system "$0"';

export class Stack {
  readonly #place: Place;
  readonly #spec: StackSpec;
  readonly #base: string;
  readonly #builder: Actor;
  readonly #actors: Actor[] = [];
  #mounted: Mounted | undefined;
  #serving: Target;
  #main: Actor | undefined;
  #fingerprints: Tree[] = [];

  private constructor(
    readonly target: Target,
    place: Place,
    spec: StackSpec,
  ) {
    this.#place = place;
    this.#serving = target;
    this.#spec = spec;
    this.#base = makeScratch(place);
    this.#builder = new Actor(place, this.#base);
  }

  static async open(target: Target, spec: StackSpec): Promise<Stack> {
    const stack = new Stack(target, await target.enter(), spec);
    try {
      await stack.#build();
      await stack.mount();
      return stack;
    } catch (error) {
      await stack.#discard();
      throw error;
    }
  }

  /** The files of the mount. */
  get fs(): Files {
    return this.actor.fs;
  }

  /** The same, each operation giving its errno's name. */
  get errno(): Errnos {
    return this.actor.errno;
  }

  /** What works in the mount. */
  get actor(): Actor {
    return this.#main!;
  }

  /** What works in the directory that holds the layers: `upper`, `work`, and `0` (newest), `1`, … */
  get layers(): Actor {
    return this.#builder;
  }

  get mountpoint(): string {
    return join(this.#base, 'mnt');
  }

  get base(): string {
    return this.#base;
  }

  /** What the stack is or was last mounted by. */
  get serving(): Target {
    return this.#serving;
  }

  /** Another process in the mount. */
  spawn(credentials?: Credentials): Actor {
    const actor = new Actor(this.#place, this.mountpoint, credentials, () => this.#mounted?.abandon());
    this.#actors.push(actor);
    return actor;
  }

  /** Mounts the layers, by another target when one is given. */
  async mount(target = this.target): Promise<void> {
    this.#serving = target;
    const { upper = {}, lowers, options = [] } = this.#spec;
    this.#mounted = await target.mount(this.#place, {
      base: this.#base,
      lowers: lowers.map((_, at) => `${at}`),
      upper: upper === null ? null : 'upper',
      work: 'work',
      mountpoint: 'mnt',
      options,
    });
    this.#main = this.spawn();
  }

  async unmount(): Promise<void> {
    await Promise.all(this.#actors.splice(0).map((actor) => actor.stop()));
    const mounted = this.#mounted;
    this.#mounted = undefined;
    await mounted?.unmount();
  }

  /** Unmounts and mounts again: everything that was only in memory is gone. */
  async remount(target = this.target): Promise<void> {
    await this.unmount();
    await this.mount(target);
  }

  /** Takes everything down and checks that no lower layer changed and nothing is left behind. */
  async close(): Promise<void> {
    try {
      await this.unmount();
      const now = await this.#fingerprintLowers();
      const changed = now.flatMap((tree, at) => differences(`lower ${at}`, this.#fingerprints[at]!, tree));
      if (changed.length > 0) throw new Error(`lower layers changed:\n${changed.join('\n')}`);
    } finally {
      await this.#discard();
    }
    const left = leftovers(this.#base);
    if (left.length > 0) throw new Error(`left behind: ${left.join('; ')}`);
  }

  async #build(): Promise<void> {
    const { xattrs } = this.target.traits;
    const { upper = {}, work = {}, lowers } = this.#spec;
    const operations: Operation[] = [
      ['at_end', ['sh', '-c', CLEAN_UP, this.#base]],
      ...buildOperations('work', work, xattrs),
      ['mkdir', 'mnt'],
    ];
    for (const [at, layer] of lowers.entries()) operations.push(...buildOperations(`${at}`, layer, xattrs));
    operations.push(...buildOperations('upper', upper ?? {}, xattrs));
    await this.#builder.all(operations);
    for (const [at, layer] of lowers.entries()) {
      const foreign = Object.entries(layer).filter(([, entry]) => entry.foreign);
      for (const [path] of foreign) chownSync(join(this.#base, `${at}`, path), 0, 0);
    }
    for (const [at, layer] of [...lowers, upper ?? {}].entries()) {
      for (const [path, { flags }] of Object.entries(layer)) {
        if (flags) await this.#protect(join(at < lowers.length ? `${at}` : 'upper', path), flags);
      }
    }
    this.#fingerprints = await this.#fingerprintLowers();
  }

  /** chattr(1) in a layer; undone at the end, with what the target has protected. */
  async #protect(path: string, flags: 'i' | 'a'): Promise<void> {
    await this.#builder.fs.at_end(['chattr', '-Rf', '-ia', this.#base]);
    await this.#builder.fs.run(['chattr', `+${flags}`, path]);
  }

  async #fingerprintLowers(): Promise<Tree[]> {
    const extra = ['ino', 'blocks', 'mtime', 'ctime'];
    return (await this.#builder.all(
      this.#spec.lowers.map((_, at): Operation => ['snapshot', `${at}`, extra]),
    )) as Tree[];
  }

  async #discard(): Promise<void> {
    this.#mounted?.abandon();
    await this.#builder.stop();
    await this.#place.close();
    await execute(host, ['rm', '-rf', '--one-file-system', this.#base]);
  }
}

/** A stack for the tests of one `describe`: mounted before them, closed after them. */
export function useStack(target: Target, spec: StackSpec): Stack {
  let stack: Stack | undefined;
  beforeAll(async () => {
    stack = await Stack.open(target, spec);
  });
  afterAll(async () => {
    await stack?.close();
  });
  return new Proxy({} as Stack, {
    get(_, property) {
      const value: unknown = Reflect.get(stack!, property, stack);
      return typeof value === 'function' ? value.bind(stack) : value;
    },
  });
}

/** Mounts and processes that still have to do with a scratch directory. */
function leftovers(base: string): string[] {
  const mounts = readFileSync('/proc/mounts', 'latin1')
    .split('\n')
    .filter((line) => line.includes(base));
  const processes = readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .map((pid) => `${pid} ${commandLine(pid)}`)
    .filter((line) => line.includes(base));
  return [...mounts, ...processes];
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}
