import { LineLimit, PAUSE_MS } from '../../lib/base/log-limit';

/** A limit, and a clock to be moved by hand. */
function scene() {
  const lines: string[] = [];
  let time = 0;
  let wishes = 0;
  const limit = new LineLimit(
    () => wishes++,
    () => time,
  );
  return {
    lines,
    limit,
    log: (message: string, field = '') =>
      limit.submit(message, (more) => lines.push(`${message}${field}+${more}`)),
    pass: (ms: number) => {
      time += ms;
    },
    wishes: () => wishes,
  };
}

test('a burst is written, the rest is counted, and the last of it is written after a second', () => {
  const { lines, limit, log, pass, wishes } = scene();
  for (let i = 0; i < 1000; i++) log('line', `${i}`);
  expect(lines).toEqual(Array.from({ length: 10 }, (_, i) => `line${i}+0`));
  expect(wishes()).toBe(1);
  limit.release();
  expect(lines).toHaveLength(10);
  expect(wishes()).toBe(2);
  pass(PAUSE_MS);
  limit.release();
  expect(lines.slice(10)).toEqual(['line999+989']);
  limit.release(true);
  expect(lines).toHaveLength(11);
});

test('a flood for a minute is a line a second, and every line is counted', () => {
  const { lines, limit, log, pass } = scene();
  let given = 0;
  for (let ms = 0; ms < 60_000; ms += 10) {
    for (let i = 0; i < 5; i++, given++) log('line');
    pass(10);
    if (ms % PAUSE_MS === 0) limit.release();
  }
  limit.release(true);
  expect(lines.length).toBeGreaterThan(60);
  expect(lines.length).toBeLessThan(75);
  expect(lines.reduce((sum, line) => sum + 1 + Number(line.split('+')[1]), 0)).toBe(given);
});

test('after a quiet while there may be a burst again', () => {
  const { lines, log, pass } = scene();
  for (let i = 0; i < 10; i++) log('line');
  pass(10 * PAUSE_MS);
  for (let i = 0; i < 10; i++) log('line');
  expect(lines).toHaveLength(20);
});

test('one kind does not silence another', () => {
  const { lines, log } = scene();
  for (let i = 0; i < 100; i++) log('one');
  log('two');
  expect(lines.at(-1)).toBe('two+0');
});

test('messages that are all different are limited too', () => {
  const { lines, limit, log } = scene();
  for (let i = 0; i < 10_000; i++) log(`line ${i}`);
  expect(lines.length).toBeLessThan(100);
  limit.release(true);
  expect(lines.reduce((sum, line) => sum + 1 + Number(line.split('+')[1]), 0)).toBe(10_000);
});
