/** The scenarios that failed, whole, as files: one that does not come again can still be replayed. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Scenario } from './generate';

/** Writes a scenario before it is shrunk. Returns the file's path. */
export function keep(scenario: Scenario): string {
  const path = join(mkdtempSync(join(tmpdir(), 'stratafs-differs-')), 'scenario.json');
  writeFileSync(path, JSON.stringify(scenario));
  return path;
}

export function kept(path: string): Scenario {
  return JSON.parse(readFileSync(path, 'utf8')) as Scenario;
}
