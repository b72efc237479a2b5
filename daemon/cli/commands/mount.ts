/** `stratafs mount`, and `stratafs` without a command. */
import type { CommandModule } from 'yargs';
import { EXIT, type ExitCode } from '../../../lib/base/exit-codes';
import { readMountWords } from '../mount-arguments';
import { declareStack, type Given, stackWords } from '../stack-words';

const EXAMPLES: readonly [string, string][] = [
  [
    '$0 mount --lower base --lower app --upper rw --work wk MNT',
    'two layers, app above base, and a writable one',
  ],
  ['$0 mount --lower base --lower app MNT', 'the same, read-only'],
  [
    '$0 mount -o lowerdir=app:base,upperdir=rw,workdir=wk MNT',
    'as overlayfs says it: the leftmost is on top',
  ],
  ['$0 -o lowerdir=app:base,upperdir=rw,workdir=wk MNT', 'as container tools call a mount program'],
];

export function mountCommand(finish: (code: ExitCode) => void): CommandModule {
  return {
    command: ['mount [arguments..]', '$0'],
    describe: 'put a stack of directories on a mountpoint',
    builder: (yargs) => {
      yargs.positional('arguments', { describe: '[SOURCE] MOUNTPOINT', type: 'string', array: true });
      declareStack(yargs);
      for (const [command, says] of EXAMPLES) yargs.example(command, says);
      return yargs;
    },
    handler: async (argv) => {
      const { config, foreground } = readMountWords(stackWords(argv as Given));
      if (foreground) {
        const { serveInForeground } = await import('../../control/foreground.js');
        finish(await serveInForeground(config));
      } else {
        const { startDetached } = await import('../../control/start.js');
        await startDetached(config);
        finish(EXIT.OK);
      }
    },
  };
}
