/**
 * The layers of all cases side by side, each case's in a directory of its own, and the daemon over them that is
 * killed and started again. What the kernel's overlayfs reads from the same upper directory is the judge.
 */
import { type ChildProcess, execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Actor } from '../support/actor';
import { buildOperations, type Layer } from '../support/layers';
import type { Operation, Tree, TreeExtra } from '../support/operations';
import { ended, execute, host, isMounted, kill, makeScratch, start } from '../support/place';
import { kernel } from '../support/targets';
import { differences } from '../support/trees';

const MAIN = join(__dirname, '../../daemon/main.js');
const EXTRA: readonly TreeExtra[] = ['mtime', 'ino'];

/** Without the top, whose number is the upper directory's own for the kernel. */
const belowTop = ({ '.': _, ...rest }: Tree): Tree => rest;

export interface SceneLayers {
  readonly lower: Layer;
  readonly upper: Layer;
}

export class Daemon {
  private constructor(
    private readonly child: ChildProcess,
    private readonly mountpoint: string,
    private readonly said: () => string,
  ) {}

  static async mount(base: string, options: readonly string[]): Promise<Daemon> {
    const mountpoint = join(base, 'mnt');
    const layers = ['lower', 'upper', 'work'].map((name) => `${name}dir=${join(base, name)}`);
    const argv = [MAIN, 'mount', '--foreground', '-o', [...layers, ...options].join(','), mountpoint];
    const child = start(host.command([process.execPath, ...argv]));
    let said = '';
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => (said += text));
    }
    const daemon = new Daemon(child, mountpoint, () => said);
    for (let waits = 0; !isMounted(host, mountpoint); waits++) {
      if (child.exitCode !== null || waits > 2000) {
        kill(child);
        throw new Error(`no mount: ${said}`);
      }
      await sleep(5);
    }
    return daemon;
  }

  get pid(): number {
    return this.child.pid!;
  }

  get alive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Descriptors that its process has open. */
  get descriptors(): number {
    return readdirSync(`/proc/${this.pid}/fd`).length;
  }

  /** Waits for the end that somebody else brings. */
  async ended(): Promise<void> {
    await ended(this.child);
  }

  /** The same, and takes the dead mount away. */
  async bury(): Promise<void> {
    await ended(this.child);
    await execute(host, ['umount', '-l', this.mountpoint]);
  }

  async die(): Promise<void> {
    kill(this.child);
    await this.bury();
  }

  async unmount(): Promise<void> {
    const { status, err } = await execute(host, ['umount', this.mountpoint]);
    if (status !== 0) await this.die();
    const code = await ended(this.child);
    if (status !== 0 || code !== 0) throw new Error(`unmount: ${err}, exit ${code}: ${this.said()}`);
  }
}

export class Scene {
  readonly base = makeScratch(host);
  /** Works in the scene's directory: `mnt/…` is the mount. */
  readonly actor: Actor;
  daemon: Daemon | undefined;
  #lower: Tree = {};

  /** @param disk options of a tmpfs of its own that all of it lies on, e.g. `size=4m` */
  constructor(
    private readonly options: readonly string[],
    private readonly disk: string | null = null,
  ) {
    if (disk !== null) execFileSync('mount', ['-t', 'tmpfs', '-o', disk, 'stratafs-crash', this.base]);
    this.actor = new Actor(host, this.base, undefined, () => void this.daemon?.die());
  }

  async build(places: ReadonlyMap<string, SceneLayers>): Promise<void> {
    for (const name of ['lower', 'upper', 'work', 'kernel-work', 'mnt']) mkdirSync(join(this.base, name));
    const operations: Operation[] = [];
    for (const [place, { lower, upper }] of places) {
      operations.push(...buildOperations(`lower/${place}`, lower, 'trusted'));
      operations.push(...buildOperations(`upper/${place}`, upper, 'trusted'));
    }
    await this.actor.all(operations);
    this.#lower = await this.#fingerprint();
  }

  async mount(more: readonly string[] = []): Promise<Daemon> {
    this.daemon = await Daemon.mount(this.base, [...this.options, ...more]);
    return this.daemon;
  }

  /** Makes the kernel forget what it can of all mounts: the daemon closes what nobody knows any more. */
  async forget(): Promise<void> {
    await this.actor.fs.run(['sh', '-c', 'echo 2 >/proc/sys/vm/drop_caches']);
  }

  /** What the daemon keeps open once everything is forgotten; waits a while for it to come down to a limit. */
  async descriptorsAtRest(limit: number): Promise<number> {
    for (let tries = 0; ; tries++) {
      await this.forget();
      const { descriptors } = this.daemon!;
      if (descriptors <= limit || tries === 50) return descriptors;
      await sleep(100);
    }
  }

  /** A directory as it shows through the mount. */
  view(place: string): Promise<Tree> {
    return this.actor.fs.snapshot(`mnt/${place}`, EXTRA);
  }

  /** The same as the kernel's overlayfs shows it. Preconditions: not mounted. */
  async kernelView(place: string): Promise<Tree> {
    const mounted = await kernel.mount(host, {
      base: this.base,
      lowers: ['lower'],
      upper: 'upper',
      work: 'kernel-work',
      mountpoint: 'mnt',
      options: ['ro'],
    });
    try {
      return await this.view(place);
    } finally {
      await mounted.unmount();
    }
  }

  /** What lies in the work directory: nothing, between requests, once what a crash left is swept. */
  leftovers(): string[] {
    const pause = new Int32Array(new SharedArrayBuffer(4));
    for (let waits = 0; ; waits++) {
      const names = readdirSync(join(this.base, 'work/work'));
      if (names.length === 0 || waits === 200) return names;
      Atomics.wait(pause, 0, 0, 10);
    }
  }

  /** Ends the daemon and says what the kernel's overlayfs then shows differently. */
  async judge(): Promise<string[]> {
    const shown = belowTop(await this.view(''));
    await this.daemon!.unmount();
    const changed = await this.lowerChanges();
    return [...differences('the kernel', shown, belowTop(await this.kernelView(''))), ...changed];
  }

  /** One line for each change below the lower layer. */
  async lowerChanges(): Promise<string[]> {
    return differences('lower', this.#lower, await this.#fingerprint());
  }

  #fingerprint(): Promise<Tree> {
    return this.actor.fs.snapshot('lower', ['ino', 'blocks', 'mtime', 'ctime']);
  }

  async close(): Promise<void> {
    if (this.daemon?.alive) await this.daemon.die();
    await this.actor.stop();
    if (this.disk !== null) execFileSync('umount', [this.base]);
    const mounts = readFileSync('/proc/mounts', 'latin1');
    if (mounts.includes(` ${this.base}/`)) throw new Error(`still mounted below ${this.base}`);
    execFileSync('rm', ['-rf', this.base]);
  }
}
