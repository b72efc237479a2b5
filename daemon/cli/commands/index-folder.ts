/** `stratafs index stat`, `drop` and `warm`. */
import { SingleBar } from 'cli-progress';
import Table from 'cli-table3';
import type { Argv, CommandModule } from 'yargs';
import { type ByteString, printableJson, printableLines, shown } from '../../../lib/base/bytes';
import { EXIT, type ExitCode } from '../../../lib/base/exit-codes';
import type { IndexStat, Warmth } from '../../control/index-folder';
import { absolute } from '../argv';
import { readWarmWords } from '../mount-arguments';
import { PLAIN } from '../plain-table';
import { declareStack, type Given, stackWords } from '../stack-words';

const LINE_EVERY_MS = 2000;

export function indexCommand(finish: (code: ExitCode) => void): CommandModule {
  return {
    command: 'index',
    describe: 'look after the merged listings that are kept between mounts',
    builder: (yargs) =>
      yargs
        .command(statCommand(finish))
        .command(dropCommand(finish))
        .command(warmCommand(finish))
        .demandCommand(1, 'no index command given: stat, drop or warm')
        .strict(),
    handler: () => {},
  };
}

function declareFolder(yargs: Argv) {
  return yargs.positional('dir', {
    describe: 'what --index named, or the work directory of a mount',
    type: 'string',
    demandOption: true,
  });
}

function statCommand(
  finish: (code: ExitCode) => void,
): CommandModule<object, { dir: string; json: boolean }> {
  return {
    command: 'stat <dir>',
    describe: 'show what an index holds, and what the last mount had of it',
    builder: (yargs) =>
      declareFolder(yargs).option('json', { describe: 'as JSON', type: 'boolean', default: false }),
    handler: async ({ dir, json }) => {
      const { statIndexAt } = await import('../../control/index-folder.js');
      const stat = await statIndexAt(absolute(dir as ByteString));
      process.stdout.write(`${json ? printableJson(stat, 2) : printableLines(tableOf(stat))}\n`);
      finish(EXIT.OK);
    },
  };
}

function tableOf({ records, listings, listedNames, names, bytes, lastMount }: IndexStat): string {
  const table = new Table(PLAIN);
  table.push(
    ['records', records],
    ['directories', `${listings}, with ${listedNames} names`],
    ['single names', names],
    ['bytes', bytes],
  );
  if (lastMount === null) table.push(['last mount', 'none']);
  else {
    const { begun, hitRate, counters } = lastMount;
    table.push(
      ['last mount', timeOf(begun)],
      ['hit rate', hitRate === null ? 'nothing was asked for' : `${(hitRate * 100).toFixed(1)} %`],
      ['written', counters.written ?? 0],
    );
  }
  return table.toString();
}

/** Beyond what a Date can say, as a number. */
function timeOf(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? String(ms) : date.toISOString();
}

function dropCommand(finish: (code: ExitCode) => void): CommandModule<object, { dir: string }> {
  return {
    command: 'drop <dir>',
    describe: 'remove an index; the next mount begins a new one',
    builder: declareFolder,
    handler: async ({ dir }) => {
      const { dropIndexAt } = await import('../../control/index-folder.js');
      dropIndexAt(absolute(dir as ByteString));
      finish(EXIT.OK);
    },
  };
}

function warmCommand(finish: (code: ExitCode) => void): CommandModule {
  return {
    command: 'warm',
    describe: 'fill the index of a stack ahead of its first mount',
    builder: (yargs) =>
      declareStack(yargs)
        .example('$0 index warm --lower base --lower app --index DIR', 'for read-only mounts of this stack')
        .example('$0 index warm -o lowerdir=app:base,upperdir=rw,workdir=wk', 'with the options of a mount'),
    handler: async (argv) => {
      const config = readWarmWords(stackWords(argv as Given));
      const { warm } = await import('../../control/index-folder.js');
      const progress = process.stderr.isTTY ? new Bar() : new Lines();
      let warmth: Warmth;
      try {
        warmth = await warm(config, (so_far) => progress.show(so_far));
      } finally {
        progress.end();
      }
      process.stdout.write(`${summaryOf(warmth)}\n`);
      finish(EXIT.OK);
    },
  };
}

function summaryOf({ folder, directories, names, known, written, notKept }: Warmth): string {
  const short = notKept === 0 ? '' : `, ${notKept} not kept (changed a moment ago, or no room)`;
  return (
    `${shown(folder)}: ${directories} directories with ${names} names; ` +
    `${written} records new, ${known} known${short}`
  );
}

/** On a terminal. The end is not known before it is reached: what is ahead grows. */
class Bar {
  private readonly bar = new SingleBar({
    format: '{bar} {value} of {total} directories, {names} names',
    clearOnComplete: true,
    hideCursor: true,
    stream: process.stderr,
  });
  private started = false;

  show({ directories, ahead, names }: Warmth): void {
    const total = directories + ahead;
    if (!this.started) this.bar.start(total, directories, { names });
    this.started = true;
    this.bar.setTotal(total);
    this.bar.update(directories, { names });
  }

  end(): void {
    this.bar.stop();
  }
}

class Lines {
  private last = Date.now();

  show({ directories, ahead, names }: Warmth): void {
    if (Date.now() - this.last < LINE_EVERY_MS) return;
    this.last = Date.now();
    process.stderr.write(`${directories} directories, ${names} names; ${ahead} directories ahead\n`);
  }

  end(): void {
    // Every line is complete.
  }
}
