/** `stratafs umount`. */
import type { CommandModule } from 'yargs';
import type { ByteString } from '../../../lib/base/bytes';
import { EXIT, type ExitCode } from '../../../lib/base/exit-codes';
import { absolute } from '../argv';

export function umountCommand(
  finish: (code: ExitCode) => void,
): CommandModule<object, { mountpoint: string; lazy: boolean }> {
  return {
    command: ['umount <mountpoint>', 'unmount'],
    describe: 'take a mount away, and wait until its process has ended',
    builder: (yargs) =>
      yargs
        .positional('mountpoint', { describe: 'where it is mounted', type: 'string', demandOption: true })
        .option('lazy', {
          alias: 'l',
          describe: 'take it out of the tree now, and end it when nobody uses it any more',
          type: 'boolean',
          default: false,
        })
        .example('$0 umount MNT', 'fails where the mount is busy, and names who uses it')
        .example('$0 umount MNT --lazy', 'never fails for that'),
    handler: async ({ mountpoint, lazy }) => {
      const { unmountAt } = await import('../../control/unmount.js');
      await unmountAt(absolute(mountpoint as ByteString), lazy);
      finish(EXIT.OK);
    },
  };
}
