/**
 * The fuse-native transport: libfuse 2.9's path interface, through the npm package fuse-native.
 *
 * - Lives on the main thread only: the binding calls back through libuv's default loop. That thread must never
 *   use the mount itself, not even umount(2): it would wait for its own answer.
 * - `mount` mounts; requests, INIT too, are kept until `serve` runs. `serve` owns the file system for its time: it
 *   calls `init` before the first request and `destroy` after the last, and settles when libfuse's own thread is
 *   gone, which is when the last reply is written. One transport serves one mount, once.
 * - Handlers run one at a time on the event loop, so that each is one atomic step, as the contract asks.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { type ByteString, shown, textOf } from '../base/bytes';
import { EOPNOTSUPP } from '../base/errno';
import { UserError } from '../base/errors';
import { EXIT } from '../base/exit-codes';
import type { FileSystem, Kernel } from '../vfs/filesystem';
import type { JobResults, MountOptions, Transport } from '../vfs/transport';
import { type Binding, type FuseThread, loadBinding } from './binding';
import { type HandlerOptions, Handlers } from './handlers';
import { optionString, textFor } from './option-string';
import { RequestWindow } from './request-window';
import { Session } from './session';
import { SUPPORTS } from './supports';
import { unmount } from './unmount';

/** How often the end of the mount, a stop and finished jobs are looked for, and jobs alone while a request waits. */
const WATCH_MS = 100;
const PARKED_MS = 1;
/** How long a stop waits for libfuse to end. */
const STOP_MS = 5000;

/** The other side has nothing but the protocol of libfuse 2.9, and keeps no attributes. */
const KERNEL: Kernel = {
  passthrough: false,
  zeroMessageOpens: false,
  openBacking: () => -EOPNOTSUPP,
  closeBacking: () => {},
  invalidateAttributes: () => {},
  storeContent: () => {},
};

interface Mounted {
  readonly mountpoint: ByteString;
  /** As mountinfo calls it. */
  readonly id: string | undefined;
  /** `fuse_thread_t` of fuse-native.c: lives as long as the mount. */
  readonly state: Buffer;
  /** /proc/self/task/N of the thread that runs libfuse's loop. */
  readonly task: string;
}

export class FuseNativeTransport implements Transport {
  readonly supports = SUPPORTS;
  private readonly binding: Binding;
  private readonly handlers: Handlers;
  /** Memory of libfuse's threads; the binding keeps pointers into it. */
  private readonly threads: FuseThread[] = [];
  /** Set by mount, taken back at the end of serve. */
  private mounted: Mounted | null = null;

  /** Throws a UserError where fuse-native cannot be loaded. */
  constructor(private readonly options: HandlerOptions) {
    if (!isMainThread) throw new Error('fuse-native works on the main thread only');
    this.binding = loadBinding();
    this.handlers = new Handlers(this.binding, options);
  }

  mount(options: MountOptions): void {
    const mountpoint = textFor(options.mountpoint);
    if (mountpoint === null) {
      throw new UserError(
        'mountpoint-not-text',
        'the fuse-native transport takes mountpoints of at most 1023 bytes of UTF-8',
        'use --transport kernel',
        EXIT.BAD_MOUNTPOINT,
      );
    }
    if (!existsSync('/dev/fuse')) {
      throw new UserError('no-dev-fuse', '/dev/fuse is missing', 'modprobe fuse', EXIT.NO_PRIVILEGE);
    }
    const { handlers, binding } = this;
    const state = Buffer.alloc(binding.sizeof_fuse_thread_t);
    const before = new Set(readdirSync('/proc/self/task'));
    const mountsBefore = mountsAt(mountpoint).length;
    const allocate = (size: number): FuseThread => this.allocate(size);
    try {
      binding.fuse_native_mount(
        mountpoint,
        optionString(options),
        state,
        this,
        allocate,
        handlers.table,
        handlers.implemented,
      );
    } catch (cause) {
      if (cause instanceof UserError) throw cause;
      if (mountsAt(mountpoint).length > mountsBefore) void unmount(options.mountpoint, true).catch(() => {});
      throw new UserError(
        'fuse-native-failed',
        `libfuse cannot mount at ${shown(options.mountpoint)}; standard error says why`,
        'it needs root or a setuid fusermount, and glibc with its ISO8859-1 conversion',
        EXIT.NO_PRIVILEGE,
        { cause },
      );
    }
    const task = readdirSync('/proc/self/task').find((id) => !before.has(id));
    const id = mountsAt(mountpoint).at(-1);
    this.mounted = { mountpoint: options.mountpoint, id, state, task: `/proc/self/task/${task}` };
  }

  /**
   * Settles when the mount is gone. A stop that is asked for detaches the mount first; where that cannot be, or
   * its users hold it for long, they are cut off when the process ends.
   */
  async serve(fs: FileSystem, jobs: JobResults): Promise<void> {
    if (this.mounted === null) throw new Error('serve without mount');
    const { mountpoint, state, task } = this.mounted;
    const window = new RequestWindow();
    const session = new Session(fs, window);
    try {
      fs.init(KERNEL);
      this.handlers.start(session);
      let deadline = Number.POSITIVE_INFINITY;
      while (existsSync(task) && performance.now() < deadline) {
        for (const done of jobs.take()) this.handlers.jobDone(done);
        if (jobs.stopping && deadline === Number.POSITIVE_INFINITY) {
          const detached = await this.detach(this.mounted);
          deadline = performance.now() + (detached ? STOP_MS : 0);
        }
        await this.turn(fs);
      }
      for (; fs.busy; await this.turn(fs)) for (const done of jobs.take()) this.handlers.jobDone(done);
    } finally {
      this.handlers.stop();
      this.mounted = null;
      session.close();
      fs.destroy();
      window.close();
      this.binding.fuse_native_unmount(textOf(mountpoint), state);
    }
  }

  /** Unmounts, from any state; `lazy` also where the mount is busy. Throws a UserError where it is. */
  async unmount(lazy = false): Promise<void> {
    if (this.mounted !== null) await unmount(this.mounted.mountpoint, lazy);
  }

  /** Takes the mount out of the tree. False where it is not there, or no longer. */
  private async detach({ mountpoint, id }: Mounted): Promise<boolean> {
    if (mountsAt(textOf(mountpoint)).at(-1) !== id) return false;
    try {
      await unmount(mountpoint, true);
      return true;
    } catch (error) {
      this.options.log.error({ err: error }, 'stopping');
      return false;
    }
  }

  /** Does a slice of what is to be done between requests; else waits. Requests that came meanwhile go first. */
  private async turn(fs: FileSystem): Promise<void> {
    if (fs.workIn !== 0) return this.pause(fs.busy, fs.workIn);
    const handled = this.handlers.handled;
    const ended = fs.work();
    if (ended !== null) this.handlers.jobDone(ended);
    await new Promise((resolve) => setImmediate(resolve));
    if (this.handlers.handled !== handled) await new Promise((resolve) => setTimeout(resolve, 1));
  }

  private pause(busy: boolean, workIn: number): Promise<void> {
    const waits = busy || this.handlers.parked ? PARKED_MS : WATCH_MS;
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, workIn < 0 ? waits : Math.min(waits, workIn));
      this.handlers.onPark = () => {
        clearTimeout(timer);
        setTimeout(resolve, PARKED_MS);
      };
    });
  }

  private allocate(size: number): FuseThread {
    if (!RequestWindow.fits(size)) {
      this.options.log.fatal({ size }, 'this build of fuse-native is not known: every request will fail');
    }
    const thread = Buffer.alloc(size);
    this.threads.push(thread);
    return thread;
  }
}

/** The ids of the mounts on a mountpoint, the one on top last. */
function mountsAt(mountpoint: string): string[] {
  const field = mountpoint.replace(/[ \t\n\\]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`);
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return lines
    .map((line) => line.split(' '))
    .filter((fields) => fields[4] === field)
    .map(([id]) => id!);
}
