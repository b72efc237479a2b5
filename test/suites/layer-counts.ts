/** Stacks of one to two hundred lower layers. */
import { file, type Layer, whiteout } from '../support/layers';
import { useStack } from '../support/stack';
import type { Target } from '../support/targets';

/** Layer `at` of `count`, 0 the newest: each adds a name, hides one of the next, and replaces a common one. */
function layerAt(at: number, count: number): Layer {
  const layer: Record<string, Layer[string]> = {
    common: file(`${at}`),
    [`dir/own-${at}`]: file(`own ${at}`),
    [`dir/deep/of-${at}`]: file(`deep ${at}`),
    [`dir/hidden-by-newer-${at}`]: file('hidden'),
  };
  if (at + 1 < count) layer[`dir/hidden-by-newer-${at + 1}`] = whiteout();
  return layer;
}

export function layerCountsSuite(target: Target): void {
  describe.each([1, 2, 10, 200])('%d lower layers', (count) => {
    const layers = Array.from({ length: count }, (_, at) => layerAt(at, count));
    const stack = useStack(target, { lowers: layers });

    test('all of them are seen', async () => {
      const { fs } = stack;
      expect(await fs.get('common')).toBe('0');
      expect((await fs.names('dir')).filter((name) => name.startsWith('own-')).length).toBe(count);
      expect((await fs.names('dir')).filter((name) => name.startsWith('hidden'))).toEqual([
        'hidden-by-newer-0',
      ]);
      expect((await fs.names('dir/deep')).length).toBe(count);
      expect(await fs.get(`dir/own-${count - 1}`)).toBe(`own ${count - 1}`);
      expect(await fs.get(`dir/deep/of-${count >> 1}`)).toBe(`deep ${count >> 1}`);
    });

    test('the oldest can be written to and deleted from', async () => {
      const { fs } = stack;
      const last = count - 1;
      await fs.append(`dir/deep/of-${last}`, '+');
      await fs.unlink(`dir/own-${last}`);
      await stack.remount();
      expect(await stack.fs.get(`dir/deep/of-${last}`)).toBe(`deep ${last}+`);
      expect(await stack.errno.stat(`dir/own-${last}`)).toBe('ENOENT');
      await stack.fs.unlink('common');
      expect(await stack.errno.stat('common')).toBe('ENOENT');
    });
  });
}
