/** --trace-fuse: where the transport's lines go. */
import type { Logger } from '../../lib/base/log';
import type { Union } from '../../lib/union/union';

/**
 * Logs a transport's lines. `layer-calls` is the number of system calls made in read-only layers since the line
 * before: a reply shows what its request cost, however many layers there are.
 */
export function tracerOf(union: Union, log: Logger): (line: string) => void {
  let before = union.layerCalls;
  return (line) => {
    const now = union.layerCalls;
    log.trace(`${line} layer-calls=${now - before}`);
    before = now;
  };
}
