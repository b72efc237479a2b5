/** `stratafs status`. */
import type { CommandModule } from 'yargs';
import { type ByteString, printableJson } from '../../../lib/base/bytes';
import { EXIT, type ExitCode } from '../../../lib/base/exit-codes';
import { absolute } from '../argv';

export function statusCommand(
  finish: (code: ExitCode) => void,
): CommandModule<object, { mountpoint: string }> {
  return {
    command: 'status <mountpoint>',
    describe: "show a mount's counters, as JSON",
    builder: (yargs) =>
      yargs
        .positional('mountpoint', { describe: 'where it is mounted', type: 'string', demandOption: true })
        .example('$0 status MNT', 'nodes, handles, copy-ups and so on'),
    handler: async ({ mountpoint }) => {
      const { readStatus } = await import('../../control/status.js');
      const status = await readStatus(absolute(mountpoint as ByteString));
      process.stdout.write(`${printableJson(status, 2)}\n`);
      finish(EXIT.OK);
    },
  };
}
