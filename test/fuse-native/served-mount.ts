/** A mount through fuse-native, served by a process of its own: memory-server.ts or union-server.ts. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const run = promisify(execFile);

export class ServedMount {
  readonly mountpoint = mkdtempSync(join(tmpdir(), 'stratafs-native-'));
  /** The server's standard error: log, and trace where asked for. */
  errors = '';
  private readonly server: ChildProcess;
  private readonly lines: AsyncIterator<string>;
  private readonly ended: Promise<void>;

  private constructor(program: string, args: readonly string[]) {
    this.server = spawn(process.execPath, [join(__dirname, program), this.mountpoint, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.server.stderr!.on('data', (data: Buffer) => {
      this.errors += data.toString();
    });
    this.lines = createInterface(this.server.stdout!)[Symbol.asyncIterator]();
    this.ended = new Promise((resolve) => this.server.once('close', () => resolve()));
  }

  static async start(program: string, ...args: string[]): Promise<ServedMount> {
    const mount = new ServedMount(program, args);
    const { value } = await mount.lines.next();
    if (value !== 'ready') throw new Error(`no mount: ${mount.errors}`);
    return mount;
  }

  path(name: string): string {
    return join(this.mountpoint, name);
  }

  /** Runs a Python program in the mount, and parses what it prints as JSON. */
  async python(program: string): Promise<unknown> {
    const { stdout } = await run('python3', ['-c', program], {
      cwd: this.mountpoint,
      timeout: 20_000,
    });
    return JSON.parse(stdout);
  }

  async shell(script: string): Promise<string> {
    const { stdout } = await run('bash', ['-ec', script], { cwd: this.mountpoint, timeout: 100_000 });
    return stdout;
  }

  /** Sends SIGTERM, on which memory-server asks its transport to stop. Returns the server's last line. */
  async stop(): Promise<string> {
    this.server.kill('SIGTERM');
    return this.lastLine();
  }

  /** Returns the server's last line. */
  async unmount(): Promise<string> {
    await run('umount', [this.mountpoint]);
    return this.lastLine();
  }

  /** Gets rid of a mount that a failed test left. */
  async abandon(): Promise<void> {
    if (this.server.exitCode === null) {
      await run('umount', ['-l', this.mountpoint]).catch(() => {});
      this.server.kill('SIGKILL');
      await this.ended;
    }
    if (existsSync(this.mountpoint)) rmdirSync(this.mountpoint);
  }

  private async lastLine(): Promise<string> {
    const { value } = await this.lines.next();
    await this.ended;
    rmdirSync(this.mountpoint);
    return value;
  }
}
