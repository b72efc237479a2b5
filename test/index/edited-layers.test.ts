/**
 * The index is never wrong: layers are changed at random between mounts, the index is damaged, mounts are killed,
 * and every mount must show what the kernel's overlayfs shows of the same layers. STRATAFS_INDEX_RUNS and
 * STRATAFS_SEED for more, and other, histories.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { beginning, type Interlude, interlude, LAYERS, PATHS } from './edits';
import { root, Scene } from './scene';

const RUNS = Number(process.env.STRATAFS_INDEX_RUNS ?? 6);
const SEED = Number(process.env.STRATAFS_SEED ?? 20261121);
/** Minutes of mounts: by hand. */
const SHRINK = process.env.STRATAFS_SHRINK !== undefined;
const MOUNTS = 4;

/** Later than any ctime counts as fresh (lib/index/settled.ts), as layers are when somebody mounts them. */
const SETTLED_MS = 60;

async function history(start: readonly string[], interludes: readonly Interlude[]): Promise<number> {
  const scene = new Scene(LAYERS);
  let hits = 0;
  try {
    scene.shell(start.join('\n'));
    for (const { edits, fate, killAfter } of [...interludes, { edits: [], fate: ':', killAfter: null }]) {
      await sleep(SETTLED_MS);
      const served = await scene.serve(`index=${scene.in('index')}`);
      const seen = scene.treeOf('mnt', PATHS);
      expect(seen).toBe(scene.kernelTree(PATHS));
      hits += served.counters()['index.hits'] ?? 0;
      if (killAfter === null) await served.unmount();
      else {
        await sleep(killAfter);
        await served.kill();
      }
      scene.shell(fate);
      scene.shell(edits.join('\n'));
    }
  } finally {
    scene.close();
  }
  return hits;
}

(root ? describe : describe.skip)('layers that change between mounts', () => {
  test(
    `show as the kernel's overlayfs shows them: ${RUNS} histories of ${MOUNTS} mounts, seed ${SEED}`,
    async () => {
      let hits = 0;
      const interludes = fc.array(interlude, { minLength: MOUNTS - 1, maxLength: MOUNTS - 1 });
      await fc.assert(
        fc.asyncProperty(beginning, interludes, async (start, between) => {
          hits += await history(start, between);
        }),
        { seed: SEED, numRuns: RUNS, endOnFailure: !SHRINK },
      );
      // Else it was not the index that was tested.
      expect(hits).toBeGreaterThan(RUNS);
    },
    60_000 + RUNS * MOUNTS * 10_000,
  );
});
