/**
 * Messages of the kernel, and of whoever sits in its place: over a file system that says yes to everything, and over a
 * union. Each request that wants a reply gets exactly one, whole and with an errno; nothing is thrown, no descriptor is
 * left open, no lower layer is changed.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { runJob } from '../../../daemon/mount/run-job';
import { OK } from '../../../lib/base/errno';
import type { JobId, NodeId } from '../../../lib/base/ids';
import { type Logger, loggerInto } from '../../../lib/base/log';
import { MAX_WRITE, Opcode } from '../../../lib/fuse/abi';
import { Dispatcher } from '../../../lib/fuse/dispatch';
import { Request } from '../../../lib/fuse/request';
import type { FileSystem } from '../../../lib/vfs/filesystem';
import type { Job } from '../../../lib/vfs/jobs';
import { openBareUnion } from '../../support/bare-union';
import { CACHED, message } from '../../support/fuse-wire';
import { LOWERS, ScratchDisk } from '../scratch-disk';
import { type FuzzTarget, must } from '../target';

const HEADER = 40;
const SILENT: readonly number[] = [Opcode.FORGET, Opcode.BATCH_FORGET, Opcode.INTERRUPT];
const MAX_ERRNO = 511;
/** More than a sequence can make. */
const MAX_NODES = 1000;

const text = (...names: string[]) => Buffer.from(names.map((name) => `${name}\0`).join(''), 'latin1');
const u32 = (...numbers: number[]) => Buffer.from(Uint32Array.from(numbers).buffer);
const both = (...parts: Buffer[]) => Buffer.concat(parts);

/** Requests in a row, each behind its length. */
function framed(...messages: Buffer[]): Buffer {
  return both(...messages.map((each) => both(Buffer.from(Uint16Array.of(each.length).buffer), each)));
}

function* unframed(input: Buffer): Generator<Buffer> {
  for (let at = 0; at + 2 < input.length; ) {
    const length = input.readUInt16LE(at);
    yield input.subarray(at + 2, at + 2 + length);
    at += 2 + length;
  }
}

const at = (node: number) => ({ node });
/** 2 is `dir`, 3 `file` in the first sequence. */
const lookups = [message(Opcode.LOOKUP, text('dir')), message(Opcode.LOOKUP, text('file'))];
const SEEDS: readonly Buffer[] = [
  framed(
    ...lookups,
    message(Opcode.GETATTR, u32(0, 0, 0, 0), at(2)),
    message(Opcode.READDIRPLUS, u32(0, 0, 0, 0, 4096, 0, 0, 0, 0, 0)),
  ),
  framed(
    ...lookups,
    message(Opcode.READDIR, u32(0, 0, 0, 0, 4096, 0, 0, 0, 0, 0), at(2)),
    message(Opcode.LOOKUP, text('mine'), at(2)),
  ),
  framed(
    ...lookups,
    message(Opcode.WRITE, both(u32(0, 0, 0, 0, 4, 0, 0, 0, 0, 0), Buffer.from('data')), at(3)),
    message(Opcode.READ, u32(0, 0, 0, 0, 4096, 0, 0, 0, 0, 0), at(3)),
  ),
  framed(
    ...lookups,
    message(Opcode.OPEN, u32(2, 0), at(3)),
    message(Opcode.RELEASE, u32(1, 0, 2, 0, 0, 0), at(3)),
  ),
  framed(
    message(Opcode.CREATE, both(u32(0x42, 0o100644, 0o22, 0), text('new'))),
    message(Opcode.MKDIR, both(u32(0o755, 0), text('sub'))),
    message(Opcode.RMDIR, text('sub')),
  ),
  framed(
    ...lookups,
    message(Opcode.RENAME2, both(u32(1, 0, 2, 0), text('file', 'moved'))),
    message(Opcode.UNLINK, text('moved')),
  ),
  framed(
    ...lookups,
    message(Opcode.RENAME2, both(u32(1, 0, 2, 0), text('file', 'dir'))),
    message(Opcode.RENAME, both(u32(1, 0), text('mine', 'dir'))),
  ),
  framed(
    ...lookups,
    message(Opcode.LINK, both(u32(3, 0), text('hard'))),
    message(Opcode.SYMLINK, text('soft', 'target')),
    message(Opcode.MKNOD, both(u32(0o100600, 0, 0, 0), text('node'))),
  ),
  framed(
    ...lookups,
    message(Opcode.SETATTR, both(u32(9, 0), Buffer.alloc(80)), at(3)),
    message(Opcode.FALLOCATE, u32(0, 0, 0, 0, 100, 0, 0, 0), at(3)),
  ),
  framed(
    ...lookups,
    message(Opcode.SETXATTR, both(u32(3, 0, 0, 0), text('user.x'), Buffer.from('abc')), at(3)),
    message(Opcode.GETXATTR, both(u32(100, 0), text('user.x')), at(3)),
    message(Opcode.LISTXATTR, u32(100, 0), at(3)),
    message(Opcode.REMOVEXATTR, text('user.x'), at(3)),
  ),
  framed(
    ...lookups,
    message(Opcode.COPY_FILE_RANGE, u32(0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 9, 0), at(3)),
    message(Opcode.LSEEK, u32(0, 0, 0, 0, 3, 0), at(3)),
    message(Opcode.STATX, u32(0, 0, 0, 0, 0xfff, 0), at(3)),
  ),
  framed(
    ...lookups,
    message(Opcode.TMPFILE, both(u32(2, 0o100600, 0, 0), text('tmp'))),
    message(Opcode.FSYNC, u32(0, 0, 0, 0), at(3)),
    message(Opcode.SYNCFS, u32(0, 0)),
  ),
  framed(
    ...lookups,
    message(Opcode.UNLINK, text('file')),
    message(Opcode.BATCH_FORGET, u32(2, 0, 3, 0, 1, 0, 2, 0, 1, 0)),
    message(Opcode.FORGET, u32(1, 0), at(2)),
  ),
  framed(
    message(Opcode.IOCTL, u32(0, 0, 0, 0x80086601, 0, 0, 0, 8), at(1)),
    message(Opcode.ACCESS, u32(4, 0)),
    message(Opcode.STATFS, u32()),
    message(Opcode.FLUSH, Buffer.alloc(24)),
  ),
];

/** A TMPFILE whose extensions would begin before its first byte. */
const EXTENSIONS_BEFORE_THE_MESSAGE = (() => {
  const bytes = message(Opcode.TMPFILE, both(u32(0, 0, 0, 0), text('x')));
  bytes.writeUInt16LE(0x27, 36);
  return framed(bytes);
})();

/** A dispatcher that is handed sequences of messages, and whose replies are checked. */
class Talk {
  private readonly request = new Request(Buffer.alloc(MAX_WRITE + 4096));
  private readonly dispatcher: Dispatcher;
  private readonly open = new Map<string, number>();
  private readonly errors: string[] = [];
  private unique = 0n;

  constructor(
    fs: FileSystem,
    private readonly jobs: Job[],
    log: (collect: (line: string) => void) => Logger,
    checkAfterEach: () => void,
  ) {
    this.dispatcher = new Dispatcher(fs, CACHED, this.request, (bytes, length) => this.reply(bytes, length), {
      log: log((line) => this.errors.push(line)),
      trace: null,
      checkAfterEach,
    });
  }

  async send(raw: Buffer): Promise<void> {
    const bytes = Buffer.from(raw);
    if (bytes.length >= HEADER) {
      // A wrong length is tried in one of sixteen.
      if ((bytes[3]! & 0xf) !== 0xf) bytes.writeUInt32LE(bytes.length, 0);
      bytes.writeBigUInt64LE(++this.unique << 1n, 8);
      if (!SILENT.includes(bytes.readUInt32LE(4))) this.open.set(String(this.unique << 1n), 0);
    }
    bytes.copy(this.request.bytes);
    let job = this.jobs.length;
    this.dispatcher.handle(bytes.length);
    for (;;) {
      if (job < this.jobs.length) {
        const result = await runJob(this.jobs[job]!);
        this.dispatcher.jobDone({ id: ++job as JobId, result });
      } else if (this.dispatcher.workIn === 0) this.dispatcher.work();
      else break;
    }
    const unexpected = this.errors.filter((line) => !line.includes('without a whole header'));
    must(unexpected.length === 0, unexpected.join(''));
  }

  end(): void {
    const open = [...this.open];
    this.open.clear();
    this.errors.length = 0;
    for (const [unique, replies] of open) must(replies === 1, `request ${unique} got ${replies} replies`);
  }

  private reply(bytes: Buffer, length: number): number {
    must(length >= 16 && bytes.readUInt32LE(0) === length, 'a reply has a wrong length');
    const error = -bytes.readInt32LE(4);
    must(error >= 0 && error <= MAX_ERRNO, `a reply with errno ${error}`);
    must(error === 0 || length === 16, 'a failure with a body');
    const unique = String(bytes.readBigUInt64LE(8));
    must(this.open.has(unique), 'a reply to nobody');
    this.open.set(unique, this.open.get(unique)! + 1);
    return OK;
  }
}

const logErrors = (collect: (line: string) => void) => loggerInto('error', collect).log;

const anything: FuzzTarget = {
  name: 'wire',
  seeds: SEEDS,
  regressions: [EXTENSIONS_BEFORE_THE_MESSAGE],
  open: () => {
    const yes = new Proxy({}, { get: () => () => OK }) as FileSystem;
    const talk = new Talk(yes, [], logErrors, () => {});
    return {
      check: async (input) => {
        for (const each of unframed(input)) await talk.send(each);
        talk.end();
      },
      close: () => {},
    };
  },
};

/**
 * What the kernel itself answers for, and what would leave the scratch disk or wait: names with slashes, and opening
 * what is no file.
 */
function isTheKernels(bytes: Buffer): boolean {
  if (bytes.length < HEADER) return false;
  const opcode = bytes.readUInt32LE(4);
  const body = bytes.toString('latin1', HEADER);
  if (body.includes('/') || /(^|\0)\.{1,2}\0/.test(body)) return true;
  return opcode === Opcode.MKNOD && (body.charCodeAt(1) & 0xf0) !== 0x80;
}

/** What is open, with what it is. */
function descriptors(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return `${fd} ${readlinkSync(`/proc/self/fd/${fd}`)}`;
    } catch {
      return [];
    }
  });
}

const union: FuzzTarget = {
  name: 'wire-union',
  seeds: SEEDS,
  regressions: [],
  open: () => {
    const disk = new ScratchDisk();
    return {
      check: async (input) => {
        const tree = disk.tree();
        const before = descriptors();
        const jobs: Job[] = [];
        let talk: Talk;
        const log = logErrors(() => {});
        const { union: opened } = openBareUnion({ base: tree, lowers: LOWERS, jobs, log });
        try {
          talk = new Talk(opened, jobs, logErrors, () => opened.checkInvariants());
          for (const each of unframed(input)) if (!isTheKernels(each)) await talk.send(each);
          talk.end();
          // What the kernel does before it lets a mount go: a node that was removed is open until then.
          for (let node = 2; node < MAX_NODES; node++) opened.forget(node as NodeId, Number.MAX_SAFE_INTEGER);
        } finally {
          opened.destroy();
        }
        const left = descriptors().filter((each) => !before.includes(each));
        must(left.length === 0, `left open: ${left.join(', ')}`);
        must(readFileSync(join(tree, 'low/dir/file'), 'utf8') === 'lower', 'a lower file has changed');
        must(readdirSync(join(tree, 'low')).join() === 'dir,file', 'a lower directory has changed');
        must(readdirSync(join(tree, 'top/dir')).join() === 'other', 'a lower directory has changed');
        disk.remove(tree);
      },
      close: () => disk.close(),
    };
  },
};

export const WIRE_TARGETS: readonly FuzzTarget[] = [anything, union];
