/** The property: on every scenario the target behaves as the kernel's overlayfs does. */
import fc from 'fast-check';
import type { Target } from '../support/targets';
import { compare } from './compare';
import { countOperations, type Scenario, scenarios } from './generate';
import { keep } from './kept';

/** What a scenario has on average, as generate.ts makes them. */
const OPERATIONS_PER_RUN = 250;

export interface Checked {
  readonly operations: number;
  readonly runs: number;
  /** Why it failed, with the smallest scenario that does; null when it did not. */
  readonly failure: string | null;
}

/** Checks about `operations` random operations. `report` hears of each failure on the way to the smallest. */
export async function check(
  target: Target,
  operations: number,
  seed: number,
  report: (found: string) => void,
  seconds?: number,
): Promise<Checked> {
  let performed = 0;
  let first: string | null = null;
  const property = fc.asyncProperty(scenarios(target.traits.supports), async (one) => {
    performed += countOperations(one);
    const found = await compareAll(one, target);
    if (found.length === 0) return;
    first ??= keep(one);
    report(`${countOperations(one)} operations: ${found[0]}`);
    throw new Error(`differs from the kernel's overlayfs:\n${found.join('\n')}`);
  });
  const result = await fc.check(property, {
    seed,
    numRuns: Math.ceil(operations / OPERATIONS_PER_RUN),
    unbiased: true,
    ...(seconds === undefined ? {} : { interruptAfterTimeLimit: seconds * 1000 }),
  });
  const failure = result.failed
    ? `first seen with the scenario in ${first}\n${String(result.errorInstance)}\n${fc.defaultReportMessage(result)!}`
    : null;
  return { operations: performed, runs: result.numRuns, failure };
}

/** What is different, or why the comparison itself failed. */
async function compareAll(scenario: Scenario, target: Target): Promise<string[]> {
  try {
    return await compare(scenario, target);
  } catch (error) {
    return [String(error)];
  }
}
