/** CPUs without work are kept from halting while requests keep coming, no longer, and not against the user's wish. */
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { EXIT } from '../../lib/base/exit-codes';
import { Folder, until } from './program';

const folder = new Folder();
/** Reading it gives the latency in µs that all of the machine's processes together ask for. */
const DEVICE = '/dev/cpu_dma_latency';
const latencyUs = (): number => readFileSync(DEVICE).readInt32LE(0);
const onThisMachine = existsSync(DEVICE) && process.getuid!() === 0 ? test : test.skip;

/** Whether the wish shows within some requests, each for a name that the kernel has not seen. */
function asksWhileBusy(): boolean {
  for (let i = 0; i < 2000; i++) {
    statSync(folder.path(`MNT/absent-${i}`), { throwIfNoEntry: false });
    if (latencyUs() === 0) return true;
  }
  return false;
}

beforeEach(() => folder.make('base', 'MNT'));

onThisMachine.each(['kernel', 'fuse-native'])(
  'idle=poll, the default: during a burst only (%s)',
  async (transport) => {
    const atRest = latencyUs();
    expect(folder.run('mount', '--lower', 'base', '--transport', transport, 'MNT').code).toBe(EXIT.OK);
    expect(asksWhileBusy()).toBe(true);
    await until('the wish is taken back', () => latencyUs() === atRest);
    expect(folder.run('umount', 'MNT').code).toBe(EXIT.OK);
  },
);

onThisMachine('idle=halt: never', () => {
  expect(folder.run('mount', '--lower', 'base', '--idle', 'halt', 'MNT').code).toBe(EXIT.OK);
  const mounts = folder.run('ls', '--json').out.trim().split('\n');
  const { record } = mounts
    .map((line) => JSON.parse(line))
    .find((mount) => mount.record?.config.mountpoint === folder.path('MNT'));
  const fds = `/proc/${record.pid}/fd`;
  expect(readdirSync(fds).map((fd) => readlinkSync(`${fds}/${fd}`))).not.toContain(DEVICE);
  expect(folder.run('umount', 'MNT').code).toBe(EXIT.OK);
});
