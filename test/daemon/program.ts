/** Runs the real stratafs program, and gives each test a folder of its own whose mounts do not outlive it. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export const MAIN = join(__dirname, '../../daemon/main.js');
const SECONDS = 30;

export interface Finished {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function finish(program: string, args: readonly string[], options: object): Finished {
  const { status, stdout, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    timeout: SECONDS * 1000,
    killSignal: 'SIGKILL',
    ...options,
  });
  return { code: status, out: stdout, err: stderr };
}

/** A scratch folder: `path('a/b')` is a path in it. Use inside a describe block. */
export class Folder {
  private root = '';
  private readonly children: ChildProcess[] = [];

  constructor() {
    beforeEach(() => {
      this.root = mkdtempSync(join(tmpdir(), 'stratafs-daemon-'));
    });
    afterEach(() => {
      for (const child of this.children.splice(0)) child.kill('SIGKILL');
      for (const mountpoint of this.mounts()) finish('umount', ['-l', mountpoint], {});
      rmSync(this.root, { recursive: true, force: true });
    });
  }

  path(name: string): string {
    return join(this.root, name);
  }

  /** Makes directories. */
  make(...names: string[]): void {
    for (const name of names) mkdirSync(this.path(name), { recursive: true });
  }

  write(name: string, content: string): void {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), content);
  }

  /** Runs stratafs in the folder until it ends. */
  run(...args: string[]): Finished {
    return finish(process.execPath, [MAIN, ...args], { cwd: this.root });
  }

  /** Runs a bash script in the folder; `stratafs` is the program. */
  script(text: string): Finished {
    const prelude = `stratafs() { "${process.execPath}" "${MAIN}" "$@"; }\n`;
    return finish('bash', ['-c', prelude + text], { cwd: this.root });
  }

  /** Starts stratafs in the folder and leaves it running. */
  start(...args: string[]): ChildProcess {
    return this.hold(process.execPath, MAIN, ...args);
  }

  /** Starts a program in the folder and leaves it running; it is killed after the test. */
  hold(program: string, ...args: string[]): ChildProcess {
    const child = spawn(program, args, { cwd: this.root, stdio: ['ignore', 'pipe', 'pipe'] });
    this.children.push(child);
    return child;
  }

  /** The mountpoints of stratafs in the folder, as /proc/mounts has them, innermost first. */
  mounts(): string[] {
    return this.mountLines().map((line) => line.split(' ')[1]!);
  }

  mountLines(): string[] {
    return readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .filter((line) => line.split(' ')[1]?.startsWith(`${this.root}/`))
      .reverse();
  }
}

/** Waits until something is so. */
export async function until(what: string, isSo: () => boolean): Promise<void> {
  const deadline = Date.now() + SECONDS * 1000;
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The code or signal that a child ends with. */
export function endOf(child: ChildProcess): Promise<number | string | null> {
  if (child.exitCode !== null || child.signalCode !== null) {
    return Promise.resolve(child.exitCode ?? child.signalCode);
  }
  return new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
}

/** All that a child has written to standard error so far. */
export function errorsOf(child: ChildProcess): () => string {
  let text = '';
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  return () => text;
}
