/** The command line as a whole: yargs, and how an error is shown. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import yargs from 'yargs';
import { type ByteString, printable, printableLines, shown } from '../../lib/base/bytes';
import { UserError } from '../../lib/base/errors';
import { EXIT, type ExitCode } from '../../lib/base/exit-codes';
import { normalizeWords } from './argv';
import { indexCommand } from './commands/index-folder';
import { listCommand } from './commands/list';
import { mountCommand } from './commands/mount';
import { statusCommand } from './commands/status';
import { umountCommand } from './commands/umount';
import { MOUNT_OPTIONS, usage } from './mount-options';

/** Runs a command line (without interpreter and script). */
export async function runProgram(words: readonly ByteString[]): Promise<ExitCode> {
  let code: ExitCode = EXIT.OK;
  const finish = (with_: ExitCode): void => {
    code = with_;
  };
  try {
    await yargs()
      .scriptName('stratafs')
      .usage('$0 — a union filesystem: read-only layers below, one writable layer on top, one real mount')
      .parserConfiguration({
        'boolean-negation': false,
        'camel-case-expansion': false,
        'dot-notation': false,
        'parse-numbers': false,
        'parse-positional-numbers': false,
        'strip-aliased': true,
      })
      .locale('en')
      .command(mountCommand(finish))
      .command(umountCommand(finish))
      .command(listCommand(finish))
      .command(statusCommand(finish))
      .command(indexCommand(finish))
      .version(ownVersion())
      .help()
      .strict()
      .wrap(Math.min(110, process.stdout.columns ?? 110))
      .exitProcess(false)
      .fail((message, error) => {
        // yargs throws its own errors here too; anything else comes from a command.
        if (error !== undefined && error.name !== 'YError') throw error;
        throw usage(shown((error?.message ?? message) as ByteString), 'stratafs --help shows how it is used');
      })
      .parseAsync(normalizeWords(words, BARE));
  } catch (error) {
    code = showError(error, words.includes('--debug' as ByteString));
  }
  return code;
}

const BARE = new Map(
  MOUNT_OPTIONS.filter((row) => row.values?.length && row.bare !== undefined).map((row) => [
    `--${row.name}`,
    row.bare!,
  ]),
);

function ownVersion(): string {
  return JSON.parse(readFileSync(join(__dirname, '../../../package.json'), 'utf8')).version;
}

/** One line on standard error; the stack too where it was asked for or nobody foresaw the error. */
function showError(error: unknown, debug: boolean): ExitCode {
  const foreseen = error instanceof UserError;
  const message = error instanceof Error ? error.message : String(error);
  const hint = foreseen && error.hint !== '' ? ` (${error.hint})` : '';
  process.stderr.write(`stratafs: ${printable(message + hint)}\n`);
  if (error instanceof Error && (debug || !foreseen)) {
    process.stderr.write(`${printableLines(error.stack ?? '')}\n`);
  }
  return foreseen ? error.exitCode : EXIT.FAILURE;
}
