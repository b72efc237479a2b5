/**
 * Writers, readers and listers of different priorities on the same files; every read is checked against a model.
 * STRATAFS_STRESS_SECONDS (12 for each target) and STRATAFS_STRESS_OPERATIONS (100000) make it longer.
 */
import { join } from 'node:path';
import { type Entry, file } from '../support/layers';
import { Stack } from '../support/stack';
import { cached, kernel, passthrough } from '../support/targets';

const SECONDS = Number(process.env.STRATAFS_STRESS_SECONDS ?? 12);
const OPERATIONS = Number(process.env.STRATAFS_STRESS_OPERATIONS ?? 100_000);
const SEED = Number(process.env.STRATAFS_SEED ?? 7);
const SCRIPT = join(__dirname, '../../../test/stress/content.py');
const DIRECTORIES = 6;
const FILES = 80;
/** In patterns of 9 bytes: what passthrough treats as small, and as large. */
const SIZES = [20, 4000];

function layer(): Record<string, Entry> {
  const entries: Record<string, Entry> = {};
  for (let at = 0; at < DIRECTORIES * FILES; at++)
    entries[`${at % DIRECTORIES}/${at}`] = file('00000000\n'.repeat(SIZES[at % SIZES.length]!));
  return entries;
}

test.each([kernel, passthrough, cached])(
  '$name: what is read is what was written last',
  async (target) => {
    const stack = await Stack.open(target, { lowers: [layer()] });
    try {
      const words = [SCRIPT, '.', OPERATIONS, SECONDS, SEED].map(String);
      const { out, err } = await stack.layers.fs.run(['/usr/bin/python3', '-I', ...words], stack.mountpoint);
      const said = JSON.parse(out || '{}') as Record<string, unknown>;
      expect({ ...said, err }).toMatchObject({ wrong: [], failed: 0, err: '' });
      expect(said.checked).toBeGreaterThan(20);
    } finally {
      await stack.close();
    }
  },
  (SECONDS + 60) * 1000,
);
