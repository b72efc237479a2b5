/**
 * The differential test by hand:
 *
 *   node dist/test/differential/run.js [--ops 20000] [--seed N] [--target stratafs-passthrough]
 *   node dist/test/differential/run.js --replay FILE [--times 10] [--target stratafs-passthrough]
 */
import { parseArgs } from 'node:util';
import { type Target, targets } from '../support/targets';
import { check } from './check';
import { compare } from './compare';
import { kept } from './kept';

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      ops: { type: 'string', default: '20000' },
      seed: { type: 'string', default: `${Date.now() % 2 ** 31}` },
      target: { type: 'string', default: 'stratafs-passthrough' },
      replay: { type: 'string' },
      times: { type: 'string', default: '10' },
    },
  });
  const target = targets.get(values.target);
  if (!target) {
    console.error(`no target ${values.target}; there are: ${[...targets.keys()].join(', ')}`);
    return 2;
  }
  if (values.replay !== undefined) return replay(values.replay, Number(values.times), target);
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

/** Runs a scenario that was kept (see kept.ts) until it differs. */
async function replay(path: string, times: number, target: Target): Promise<number> {
  for (let time = 1; time <= times; time++) {
    const found = await compare(kept(path), target);
    console.log(`${time}: ${found.join('\n') || 'no difference'}`);
    if (found.length > 0) return 1;
  }
  return 0;
}

void main().then((code) => {
  process.exitCode = code;
});
