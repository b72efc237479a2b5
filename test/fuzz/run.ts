/**
 * Fuzzing by hand, for as long as wanted:
 *
 *   node dist/test/fuzz/run.js --target wire --hours 2 [--seed 7]
 *   node dist/test/fuzz/run.js --target wire --input FILE
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { failureOf, fuzz } from './engine';
import { TARGETS } from './targets';

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      target: { type: 'string' },
      hours: { type: 'string', default: '0.1' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      input: { type: 'string' },
    },
  });
  const chosen = TARGETS.filter(({ name }) => values.target === undefined || values.target === name);
  if (chosen.length === 0) throw new Error(`no such target: ${TARGETS.map(({ name }) => name).join(', ')}`);
  for (const target of chosen) {
    if (values.input !== undefined) {
      const opened = target.open();
      const failure = await failureOf(opened, readFileSync(values.input));
      opened.close();
      if (failure !== null) throw failure;
      continue;
    }
    const seconds = Number(values.hours) * 3600;
    const inputs = await fuzz(target, { seed: Number(values.seed), seconds });
    process.stdout.write(`${target.name}: ${inputs} inputs, seed ${values.seed}: nothing found\n`);
  }
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n${error.cause?.stack ?? ''}\n`);
  process.exitCode = 1;
});
