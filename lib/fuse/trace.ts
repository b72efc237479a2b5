/** --trace-fuse: one line for each request and one for each reply; and the counters that go with them. */
import { type ByteString, shown } from '../base/bytes';
import { type Errno, errnoName } from '../base/errno';
import type { Exchange } from './exchange';
import type { Operation } from './operation';

/** Where a row's requests are counted: the opcode, in a Float64Array of this length (shared between threads). */
export const COUNTERS = 64;

export class Tracer {
  constructor(private readonly line: (line: string) => void) {}

  request(x: Exchange, row: Operation): void {
    const { request, call } = x;
    const shown = row.shows.map((field) => ` ${field}=${show(x.args[field])}`).join('');
    const again = call.jobResult === null ? '' : ` job=${call.jobResult}`;
    this.line(
      `> ${unique(x)} ${row.name} opcode=${request.opcode} node=${request.node}${shown}` +
        ` pid=${call.pid} uid=${call.uid} gid=${call.gid}${again}`,
    );
  }

  /** `body`: the bytes of the reply behind its header. */
  reply(x: Exchange, row: Operation, errno: Errno, body: number): void {
    this.line(`< ${unique(x)} ${row.name} ${errnoName(errno)} ${body} bytes`);
  }
}

function unique({ request }: Exchange): number {
  return request.uniqueHigh * 0x1_0000_0000 + request.uniqueLow;
}

function show(value: unknown): string {
  if (typeof value === 'string') return `"${shown(value as ByteString).replace(/"/g, '\\"')}"`;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const set = Object.entries(value as object).filter(([, v]) => v !== null && v !== 0 && v !== false);
  return `{${set.map(([key, v]) => `${key}:${v}`).join(' ')}}`;
}
