/**
 * A scene: read-only layers, an index, and mounts of the real program over them one after the other. Everything
 * runs in processes with an end, and is gone after the test. Layers are changed by shell scripts in the folder.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const MAIN = join(__dirname, '../../daemon/main.js');
const SECONDS = 30;

export const root = process.getuid!() === 0;

/** A mount in the foreground, so that its process is ours. */
export interface Served {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Lines of the log so far. */
  log(): { level: number; msg: string }[];
  counters(): Record<string, number>;
  unmount(): Promise<void>;
  /** SIGKILL, and what is left of the mount is taken away. */
  kill(): Promise<void>;
}

export class Scene {
  readonly path: string;
  private readonly children = new Set<ChildProcess>();
  private mounts = 0;
  /** What the mounts are started by: words before theirs. */
  prefix: readonly string[] = [];

  /** @param layers their names, newest first */
  constructor(readonly layers: readonly string[]) {
    this.path = mkdtempSync(join(process.env.STRATAFS_SCRATCH ?? '/dev/shm', 'stratafs-index-'));
    for (const name of [...layers, 'upper', 'work', 'mnt']) mkdirSync(this.in(name));
  }

  in(name: string): string {
    return join(this.path, name);
  }

  /** Runs a shell script in the folder; what fails in it does not end it. */
  shell(script: string): string {
    const { status, stdout, stderr, error } = spawnSync('bash', ['-c', script], {
      cwd: this.path,
      encoding: 'latin1',
      timeout: SECONDS * 1000,
      killSignal: 'SIGKILL',
      maxBuffer: 1 << 28,
    });
    if (error !== undefined || status === null) throw new Error(`${script}: ${error ?? stderr}`);
    return stdout;
  }

  /** Runs stratafs to its end. */
  stratafs(...args: string[]): { code: number | null; out: string; err: string } {
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
      cwd: this.path,
      encoding: 'utf8',
      timeout: SECONDS * 1000,
      killSignal: 'SIGKILL',
    });
    return { code: status, out: stdout, err: stderr };
  }

  /** Mounts the layers read-only on `mnt`, and waits until the mount answers. */
  async serve(...options: string[]): Promise<Served> {
    const log = this.in(`log-${this.mounts++}`);
    const lowers = `lowerdir=${this.layers.join(':')}`;
    const mount = [MAIN, 'mount', '--foreground', '--log-file', log];
    const [program, ...args] = [...this.prefix, process.execPath, ...mount];
    const child = spawn(program!, [...args, '-o', [lowers, ...options].join(','), 'mnt'], {
      cwd: this.path,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.children.add(child);
    let words = '';
    child.stderr!.setEncoding('utf8').on('data', (chunk: string) => {
      words += chunk;
    });
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    const read = () =>
      readFileSync(log, 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as { level: number; msg: string });
    await until(`mounted: ${words}`, () => {
      if (child.exitCode !== null) throw new Error(`the mount ended with ${child.exitCode}: ${words}`);
      return this.isMounted();
    });
    this.shell('stat mnt');
    return {
      pid: child.pid!,
      child,
      log: read,
      counters: () => JSON.parse(this.stratafs('status', 'mnt').out),
      unmount: async () => {
        this.shell('umount mnt');
        const late = sleep(SECONDS * 1000, 'late', { ref: false });
        if ((await Promise.race([ended, late])) === 'late') throw new Error('the process did not end');
        if (child.exitCode !== 0) throw new Error(`the mount ended with ${child.exitCode}: ${words}`);
        this.children.delete(child);
      },
      kill: async () => {
        child.kill('SIGKILL');
        await ended;
        this.children.delete(child);
        this.shell('umount -l mnt');
      },
    };
  }

  /** The tree of the layers as the kernel's overlayfs merges them; `extra` names are looked up too. */
  kernelTree(extra: readonly string[] = []): string {
    const lowers = this.layers.join(':');
    this.shell('mkdir -p kernel');
    this.shell(`mount -t overlay overlay -o lowerdir=${lowers} kernel`);
    try {
      return this.treeOf('kernel', extra);
    } finally {
      this.shell('umount kernel');
    }
  }

  /**
   * All that is to be seen below a folder, as text: each of `extra` by name, before anything is listed; then every
   * entry with its type, mode, size and time; then every content.
   */
  treeOf(folder: string, extra: readonly string[] = []): string {
    const names = extra.map((name) => `'${name}'`).join(' ');
    return this.shell(
      `cd ${folder} && { for name in ${names}; do stat -c '%n %F %a %s' -- "$name" 2>&1; done
       find . -printf '%P|%y|%m|%s|%l|%T@\\n' | LC_ALL=C sort
       find . -type f -print0 | LC_ALL=C sort -z | xargs -0r sha1sum; }`,
    );
  }

  isMounted(): boolean {
    return readFileSync('/proc/self/mounts', 'utf8').includes(` ${this.in('mnt')} `);
  }

  /** Ends every process, takes every mount away, removes everything. */
  close(): void {
    for (const child of this.children) child.kill('SIGKILL');
    const left = readFileSync('/proc/self/mounts', 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[1] ?? '')
      .filter((mountpoint) => mountpoint.startsWith(`${this.path}/`));
    for (const mountpoint of left.reverse()) spawnSync('umount', ['-l', mountpoint], { timeout: 5000 });
    rmSync(this.path, { recursive: true, force: true });
  }
}

export async function until(what: string, isSo: () => boolean): Promise<void> {
  const deadline = Date.now() + SECONDS * 1000;
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error(`never: ${what}`);
    await sleep(10);
  }
}
