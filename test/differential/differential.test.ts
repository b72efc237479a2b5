/** A few thousand random operations on the kernel's overlayfs and on stratafs; run.ts does more by hand. */
import { cached, fuseNative, passthrough } from '../support/targets';
import { check } from './check';

const OPERATIONS = Number(process.env.STRATAFS_OPS ?? 2000);
const SEED = Number(process.env.STRATAFS_SEED ?? 20240607);
/** A failure is shrunk no longer than this. */
const SECONDS = 150;

test.each([
  { name: passthrough.name, target: passthrough, share: 1 },
  { name: cached.name, target: cached, share: 1 },
  { name: fuseNative.name, target: fuseNative, share: 1 / 3 },
])(
  '$name agrees with the kernel’s overlayfs',
  async ({ target, share }) => {
    const wanted = OPERATIONS * share;
    const { operations, failure } = await check(target, wanted, SEED, () => undefined, SECONDS);
    expect(failure).toBeNull();
    expect(operations).toBeGreaterThan(wanted / 2);
  },
  (SECONDS + 60) * 1000,
);
