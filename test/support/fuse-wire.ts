/** Talks to a dispatcher in bytes, without a kernel: for tests of the wire format. */

import type { Errno } from '../../lib/base/errno';
import { createLogger } from '../../lib/base/log';
import { MAX_WRITE } from '../../lib/fuse/abi';
import { Dispatcher } from '../../lib/fuse/dispatch';
import type { Connection } from '../../lib/fuse/exchange';
import { Request } from '../../lib/fuse/request';
import type { FileSystem } from '../../lib/vfs/filesystem';

/** Bytes from hexadecimal digits; blanks and the text after `#` in a line do not count. */
export function hex(text: string): Buffer {
  return Buffer.from(text.replace(/#.*$/gm, '').replace(/\s+/g, ''), 'hex');
}

/** A request: header (struct fuse_in_header) and body. `extensions` go to the end and are counted in the header. */
export function message(
  opcode: number,
  body: Buffer,
  header: { node?: number; unique?: bigint; pid?: number; extensions?: Buffer } = {},
): Buffer {
  const extensions = header.extensions ?? Buffer.alloc(0);
  const bytes = Buffer.alloc(40);
  bytes.writeUInt32LE(40 + body.length + extensions.length, 0);
  bytes.writeUInt32LE(opcode, 4);
  bytes.writeBigUInt64LE(header.unique ?? 2n, 8);
  bytes.writeBigUInt64LE(BigInt(header.node ?? 1), 16);
  bytes.writeUInt32LE(1000, 24);
  bytes.writeUInt32LE(1001, 28);
  bytes.writeUInt32LE(header.pid ?? 4242, 32);
  bytes.writeUInt16LE(extensions.length / 8, 36);
  return Buffer.concat([bytes, body, extensions]);
}

export const CACHED: Connection = {
  minor: 45,
  passthrough: false,
  zeroMessageOpens: true,
  longSetxattr: true,
};
export const PASSTHROUGH: Connection = { ...CACHED, passthrough: true, zeroMessageOpens: false };

export class Wire {
  /** Replies since the last look, each as the kernel would get it. */
  readonly replies: Buffer[] = [];
  readonly trace: string[] = [];
  /** What the kernel answers to a reply. */
  acceptance: Errno = 0;
  readonly dispatcher: Dispatcher;
  private readonly request = new Request(Buffer.alloc(MAX_WRITE + 4096));

  /** @param fs the methods that the test needs; calling another one throws */
  constructor(fs: Partial<FileSystem>, connection: Connection = PASSTHROUGH) {
    this.dispatcher = new Dispatcher(
      fs as FileSystem,
      connection,
      this.request,
      (reply, length) => {
        this.replies.push(Buffer.from(reply.subarray(0, length)));
        return this.acceptance;
      },
      { log: createLogger({ level: 'silent', file: null }), trace: (line) => this.trace.push(line) },
    );
  }

  /** Hands a message to the dispatcher. The reply, in hexadecimal digits, or null where there is none. */
  send(bytes: Buffer): string | null {
    bytes.copy(this.request.bytes);
    this.dispatcher.handle(bytes.length);
    return this.replies.pop()?.toString('hex') ?? null;
  }
}

/** A reply's bytes for comparing with `send`. */
export function reply(unique: bigint, errno: number, body: string | Buffer = ''): string {
  const bytes = typeof body === 'string' ? hex(body) : body;
  const header = Buffer.alloc(16);
  header.writeUInt32LE(16 + bytes.length, 0);
  header.writeInt32LE(-errno, 4);
  header.writeBigUInt64LE(unique, 8);
  return Buffer.concat([header, bytes]).toString('hex');
}
