/** `stratafs ls`. */
import Table from 'cli-table3';
import type { CommandModule } from 'yargs';
import { printableJson, printableLines, shown } from '../../../lib/base/bytes';
import { EXIT, type ExitCode } from '../../../lib/base/exit-codes';
import { PLAIN } from '../plain-table';

export function listCommand(finish: (code: ExitCode) => void): CommandModule<object, { json: boolean }> {
  return {
    command: ['ls', 'list'],
    describe: 'list your mounts',
    builder: (yargs) =>
      yargs
        .option('json', { describe: 'one JSON object a line', type: 'boolean', default: false })
        .example('$0 ls', 'mountpoint, process, state, upper directory and number of lower layers'),
    handler: async ({ json }) => {
      const { listMounts } = await import('../../control/list.js');
      const mounts = listMounts();
      if (json) {
        for (const mount of mounts) process.stdout.write(`${printableJson(mount)}\n`);
      } else if (mounts.length > 0) {
        const table = new Table({ head: ['MOUNTPOINT', 'PID', 'STATE', 'UPPER', 'LOWERS'], ...PLAIN });
        for (const { record, state } of mounts) {
          const { mountpoint, upper, lowers } = record.config;
          table.push([
            shown(mountpoint),
            record.pid,
            state,
            upper === null ? '-' : shown(upper),
            lowers.length,
          ]);
        }
        process.stdout.write(`${printableLines(table.toString())}\n`);
      }
      finish(EXIT.OK);
    },
  };
}
