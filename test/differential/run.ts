/**
 * The differential test by hand:
 *
 *   node dist/test/differential/run.js [--ops 20000] [--seed N] [--target stratafs-passthrough]
 */
import { parseArgs } from 'node:util';
import { targets } from '../support/targets';
import { check } from './check';

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      ops: { type: 'string', default: '20000' },
      seed: { type: 'string', default: `${Date.now() % 2 ** 31}` },
      target: { type: 'string', default: 'stratafs-passthrough' },
    },
  });
  const target = targets.get(values.target);
  if (!target) {
    console.error(`no target ${values.target}; there are: ${[...targets.keys()].join(', ')}`);
    return 2;
  }
  console.log(`${target.name} beside kernel-overlayfs, seed ${values.seed}`);
  const { operations, runs, failure } = await check(
    target,
    Number(values.ops),
    Number(values.seed),
    console.log,
  );
  console.log(failure ?? `no difference in ${operations} operations (${runs} stacks)`);
  return failure === null ? 0 : 1;
}

void main().then((code) => {
  process.exitCode = code;
});
