#!/usr/bin/env node
/**
 * The stratafs program: the command, and under an internal word the detached process that a mount lives in.
 * Each loads only what it needs.
 */
import { printableLines } from '../lib/base/bytes';
import { SERVE_WORD } from './mount/detached-talk';

async function main(): Promise<number> {
  if (process.argv[2] === SERVE_WORD) {
    const { serveDetached } = await import('./mount/detached.js');
    return await serveDetached();
  }
  const { argumentBytes } = await import('./cli/argv.js');
  const { runProgram } = await import('./cli/program.js');
  return await runProgram(argumentBytes());
}

// What counts where something is never settled and the process runs out of work.
process.exitCode = 1;
main().then(
  (code) => process.exit(code),
  (error) => {
    process.stderr.write(`stratafs: ${printableLines(String(error.stack))}\n`);
    process.exit(1);
  },
);
