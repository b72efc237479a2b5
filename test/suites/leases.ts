/** Leases on lower files (fcntl(2), F_SETLEASE): who opens such a file waits for its holder, and nobody else does. */
import { setTimeout as sleep } from 'node:timers/promises';
import { O_NONBLOCK, O_RDONLY } from '../../lib/vfs/flags';
import { file } from '../support/layers';
import { useStack } from '../support/stack';
import type { Target } from '../support/targets';

/** Holds a write lease on a file until told to let go; says in files that it holds it, and that it was asked. */
const HOLDER = `
import fcntl, os, signal, sys, time
path, held, asked, go = sys.argv[1:]
fd = os.open(path, os.O_RDONLY)
signal.signal(signal.SIGIO, lambda *_: open(asked, "w").close())
fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
open(held, "w").close()
while not os.path.exists(go):
    time.sleep(0.01)
fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
`;

export function leasesSuite(target: Target): void {
  describe('leases', () => {
    const stack = useStack(target, {
      lowers: [
        { read: file('r'), write: file('w'), polite: file('p'), other: file('o'), another: file('a') },
      ],
    });

    const until = async (name: string): Promise<void> => {
      while ((await stack.layers.errno.stat(name)) !== 'OK') await sleep(5);
    };

    /** Somebody holds a lease on a lower file; `letGo` ends that. */
    async function leased(name: string): Promise<{ asked: () => Promise<void>; letGo: () => Promise<void> }> {
      const at = `${stack.base}/${name}`;
      const files = ['held', 'asked', 'go'].map((what) => `${at}.${what}`);
      const holder = stack.spawn();
      const ended = holder.fs.run(['python3', '-c', HOLDER, `${stack.base}/0/${name}`, ...files]);
      await until(`${name}.held`);
      return {
        asked: () => until(`${name}.asked`),
        letGo: async () => {
          await stack.layers.fs.put(`${name}.go`, '');
          expect((await ended).err).toBe('');
        },
      };
    }

    for (const what of ['read', 'write'] as const) {
      test(`who comes to ${what} a leased file waits, the others do not`, async () => {
        const { fs } = stack;
        const lease = await leased(what);
        const order: string[] = [];
        const opener = stack.spawn();
        // Other operations of actors open with O_NONBLOCK.
        const command = what === 'read' ? 'cat read' : 'printf ! >> write';
        const opened = opener.fs.run(['sh', '-c', command]).then(({ err }) => order.push(`opener${err}`));
        await lease.asked();
        const neighbour = what === 'read' ? 'other' : 'another';
        expect(await fs.get(neighbour)).toBe(neighbour[0]);
        expect((await fs.readdir('.')).map(({ name }) => name)).toContain(what);
        await fs.append(neighbour, '!');
        order.push('neighbour');
        await lease.letGo();
        await opened;
        expect(order).toEqual(['neighbour', 'opener']);
        expect(await fs.get(what)).toBe(what === 'read' ? 'r' : 'w!');
      });
    }

    test('who does not want to wait is told so, where the open is asked for at all', async () => {
      const { errno, fs } = stack;
      const lease = await leased('polite');
      const told = await errno.open('polite', O_RDONLY | O_NONBLOCK);
      expect(told).toBe(target.traits.asksToOpen ? 'EAGAIN' : 'OK');
      await lease.letGo();
      expect(await fs.get('polite')).toBe('p');
    });
  });
}
