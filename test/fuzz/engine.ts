/** Runs a target on inputs without end, and makes the one that fails small. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mutate, randomFrom } from './mutate';
import type { FuzzTarget, OpenTarget } from './target';

const GROWN = 500;

export interface Fuzzing {
  readonly seed: number;
  readonly seconds: number;
}

/** How many inputs were run. Throws for the first that fails, which is then in a file that the message names. */
export async function fuzz(target: FuzzTarget, { seed, seconds }: Fuzzing): Promise<number> {
  const random = randomFrom(seed);
  const end = Date.now() + seconds * 1000;
  const corpus = [...target.seeds];
  const opened = target.open();
  const first = [...target.regressions, ...target.seeds];
  let inputs = first.length;
  try {
    for (const input of first) await run(target, opened, input);
    while (Date.now() < end) {
      const input = mutate(corpus[random(corpus.length)]!, corpus, random);
      // Some are kept, so that changes come on top of changes.
      if (random(20) === 0) corpus[random(2) === 0 ? corpus.length % GROWN : random(corpus.length)] = input;
      await run(target, opened, input);
      inputs++;
    }
  } finally {
    opened.close();
  }
  return inputs;
}

async function run(target: FuzzTarget, opened: OpenTarget, input: Buffer): Promise<void> {
  const failure = await failureOf(opened, input);
  if (failure === null) return;
  const small = await shrink(opened, input);
  const folder = join(tmpdir(), 'stratafs-fuzz');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, `${target.name}-${Date.now()}.bin`);
  writeFileSync(file, small, { mode: 0o600 });
  throw new Error(`${target.name} fails on ${file}: ${failure.message}\nhex: ${small.toString('hex')}`, {
    cause: failure,
  });
}

export async function failureOf(opened: OpenTarget, input: Buffer): Promise<Error | null> {
  try {
    await opened.check(Buffer.from(input));
    return null;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** Leaves out what the failure does not need. */
async function shrink(opened: OpenTarget, failing: Buffer): Promise<Buffer> {
  let small = failing;
  for (let size = small.length >> 1; size > 0; size >>= 1) {
    for (let at = 0; at + size <= small.length; ) {
      const shorter = Buffer.concat([small.subarray(0, at), small.subarray(at + size)]);
      if ((await failureOf(opened, shorter)) !== null) small = shorter;
      else at += size;
    }
  }
  return small;
}
