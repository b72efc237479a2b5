/** A Map in parts does what a Map does. */
import fc from 'fast-check';
import { LongMap } from '../../lib/base/long-map';

const key = fc.nat({ max: 20 });
const step = fc.oneof(
  fc.record({ does: fc.constant('set' as const), key, value: fc.nat() }),
  fc.record({ does: fc.constant('delete' as const), key, value: fc.constant(0) }),
  fc.record({ does: fc.constant('clear' as const), key, value: fc.constant(0) }),
);

test('whatever is set, deleted and cleared', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const map = new LongMap<number, number>(4);
      const model = new Map<number, number>();
      for (const { does, key, value } of steps) {
        if (does === 'set') {
          map.set(key, value);
          model.set(key, value);
        } else if (does === 'delete') expect(map.delete(key)).toBe(model.delete(key));
        else if (steps.length % 3 === 0) {
          map.clear();
          model.clear();
        }
        expect([map.size, map.has(key), map.get(key)]).toEqual([model.size, model.has(key), model.get(key)]);
      }
      const order = (a: [number, number], b: [number, number]): number => a[0] - b[0];
      expect([...map].sort(order)).toEqual([...model].sort(order));
      expect([...map.keys()].sort()).toEqual([...model.keys()].sort());
      expect([...map.values()].sort()).toEqual([...model.values()].sort());
    }),
  );
});

test('the order is that of adding while nothing is deleted', () => {
  const map = new LongMap<number, number>(4);
  for (let i = 0; i < 50; i++) map.set(i, -i);
  expect([...map]).toEqual(Array.from({ length: 50 }, (_, i) => [i, -i]));
});
