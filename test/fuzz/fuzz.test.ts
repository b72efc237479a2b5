/** Every target for some seconds. STRATAFS_FUZZ_SECONDS and STRATAFS_SEED; hours: run.ts. */
import { fuzz } from './engine';
import { TARGETS } from './targets';

const seconds = Number(process.env.STRATAFS_FUZZ_SECONDS ?? 2);
const seed = Number(process.env.STRATAFS_SEED ?? Date.now() % 1_000_000);

test.each(TARGETS.map((target) => [target.name, target] as const))(
  `%s, seed ${seed}`,
  async (_, target) => {
    expect(await fuzz(target, { seed, seconds })).toBeGreaterThan(0);
  },
  seconds * 1000 + 60_000,
);
