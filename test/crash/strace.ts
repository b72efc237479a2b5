/**
 * strace(1) on a running daemon: which calls that change something it makes, and one of them made to kill it or to
 * fail. The call that strikes is not executed. Calls are counted per thread from the moment of attaching, so a
 * sequence that was watched once can be struck at each of its calls.
 */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { ended, host, start } from '../support/place';

/** A `?` lets a strace that does not know the call leave it out. */
const CHANGES =
  'mkdirat,mknodat,symlinkat,linkat,unlinkat,renameat2,setxattr,lsetxattr,removexattr,lremovexattr,' +
  '?fchmodat2,fchownat,utimensat,ftruncate,fallocate,pwrite64,copy_file_range,fsync,openat';
/** What can fail without changing anything. */
const READS = 'statx,getxattr,lgetxattr,listxattr,llistxattr,getdents64,readlinkat';
const CREATES = /O_CREAT|O_TMPFILE/;

/** The nth time that one thread makes this call. */
export interface Point {
  readonly call: string;
  readonly nth: number;
  /** The call as strace shows it. */
  readonly shown: string;
}

export class Strace {
  private constructor(
    private readonly child: ChildProcess,
    private readonly output: string,
  ) {}

  private static async attach(pid: number, output: string, expressions: string[]): Promise<Strace> {
    const words = expressions.flatMap((expression) => ['-e', expression]);
    const child = start(host.command(['strace', '-f', '-p', `${pid}`, '-o', output, ...words]));
    let said = '';
    await new Promise<void>((resolve, reject) => {
      child.stderr!.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        if (said.includes('attached')) resolve();
      });
      child.once('error', reject);
      child.once('exit', () => reject(new Error(`strace ended: ${said}`)));
    });
    return new Strace(child, output);
  }

  static watch(pid: number, output: string, reads = false): Promise<Strace> {
    return Strace.attach(pid, output, [`trace=${reads ? `${CHANGES},${READS}` : CHANGES}`]);
  }

  static strike(pid: number, output: string, point: Point, how: string): Promise<Strace> {
    const { call, nth } = point;
    return Strace.attach(pid, output, [`trace=${call}`, `inject=${call}:${how}:when=${nth}`]);
  }

  async detach(): Promise<void> {
    this.child.kill('SIGINT');
    await ended(this.child);
  }

  /** Waits for strace to end with what it watches. */
  async gone(): Promise<void> {
    await ended(this.child);
  }

  /** Did the strike happen? Only after the end. */
  get struck(): boolean {
    return /INJECTED|killed by SIGKILL/.test(readFileSync(this.output, 'latin1'));
  }

  /**
   * What was watched, in order; only after the end.
   * @param reads with the calls that only read
   */
  points(reads = false): Point[] {
    const counts = new Map<string, number>();
    const points: Point[] = [];
    for (const line of readFileSync(this.output, 'latin1').split('\n')) {
      const [, thread, call] = /^(\d+) +([a-z]\w*)\(/.exec(line) ?? [];
      if (call === undefined || call.startsWith('syscall_')) continue;
      const key = `${thread} ${call}`;
      const nth = (counts.get(key) ?? 0) + 1;
      counts.set(key, nth);
      if (call !== 'openat' || reads || CREATES.test(line)) {
        points.push({ call, nth, shown: line.slice(line.indexOf(call), line.indexOf(call) + 120) });
      }
    }
    return points;
  }
}
