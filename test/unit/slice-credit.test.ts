/** What requests may do at once, before their work is queued. */
import { type Errno, OK } from '../../lib/base/errno';
import { createLogger } from '../../lib/base/log';
import { Slices } from '../../lib/union/slices';
import { Call } from '../../lib/vfs/types';

test('first slices of one user do not add up: later requests only queue', () => {
  const slices = new Slices(
    { firstMs: 1, sliceMs: 1, pieceNames: 8 },
    createLogger({ level: 'silent', file: null }),
  );
  let begun = 0;
  function* busy(): Generator<void, Errno> {
    begun++;
    const until = performance.now() + 1;
    while (performance.now() < until);
    yield;
    return OK;
  }
  const call = new Call();
  call.uid = 1000;
  const works = Array.from({ length: 100 }, () => slices.begin(call, busy));
  expect(begun).toBeLessThan(50);
  while (slices.waiting) slices.advance();
  expect(works.every((work) => work.errno === OK)).toBe(true);
});
