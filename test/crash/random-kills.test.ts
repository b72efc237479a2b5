/**
 * The daemon is killed at random moments of a stream of random operations. The same operations are then done on
 * the kernel's overlayfs over a copy of the layers: the trees are equal after all that had been answered, the
 * interrupted operation being done or not. `stratafs umount` takes each dead mount away and the next mount, over
 * the same upper layer, works at once.
 *
 * STRATAFS_CRASH_ROUNDS and STRATAFS_SEED say how many deaths, and which.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Actor } from '../support/actor';
import { dir, file, type Layer, symlink } from '../support/layers';
import type { Operation, Tree } from '../support/operations';
import { execute, host } from '../support/place';
import { kernel, type Mounted } from '../support/targets';
import { differences } from '../support/trees';
import { Scene } from './scene';

const ROUNDS = Number(process.env.STRATAFS_CRASH_ROUNDS ?? 8);
const SEED = Number(process.env.STRATAFS_SEED ?? 1);
/** Operations in one message to the actor. */
const PIECE = 100;
const LONGEST_MS = 250;
const DEAD = ['ENOTCONN', 'ECONNABORTED'];
const MAIN = join(__dirname, '../../daemon/main.js');
const PLACE = 'p';

const LOWER: Layer = {
  a: file('a'.repeat(3000), { mode: 0o600, uid: 1001 }),
  b: symlink('a'),
  'c/a': file('c/a'),
  'c/b/a': file('c/b/a', { xattrs: { 'user.tag': 't' } }),
  'c/b/c': dir({ mode: 0o711 }),
  'd/a': file('d'.repeat(700_000)),
};

/** Numbers from 0 to `below`, the same for the same seed (xorshift32). */
function randomFrom(seed: number): (below: number) => number {
  let state = (seed * 2654435761) >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % below;
  };
}

/** Some operations of one step each on names that collide. */
function pieceFrom(random: (below: number) => number): Operation[] {
  const name = (): string => 'abcd'[random(4)]!;
  const path = (): string => Array.from({ length: 1 + random(3) }, name).join('/');
  const makers: (() => Operation)[] = [
    () => ['put', path(), ''],
    () => ['append', path(), `${random(1000)} `],
    () => ['mkdir', path(), 0o755],
    () => ['unlink', path()],
    () => ['rmdir', path()],
    () => ['rename', path(), path()],
    () => ['rename', path(), path(), 2],
    () => ['link', path(), path()],
    () => ['symlink', 'target', path()],
    () => ['chmod', path(), 0o600 + random(64)],
    () => ['setxattr', path(), 'user.tag', `${random(100)}`],
    () => ['truncate', path(), random(50)],
  ];
  return Array.from({ length: PIECE }, () => makers[random(makers.length)]!());
}

const at = (top: string, [name, ...args]: Operation): Operation => [
  name,
  ...args.map((arg, index) =>
    index < pathsOf(name) && !(name === 'symlink' && index === 0) ? `${top}/${arg}` : arg,
  ),
];
const pathsOf = (name: string): number => (['rename', 'link', 'symlink'].includes(name) ? 2 : 1);

/** Works in the mount until its daemon is dead. What was done; the last of it was interrupted. */
async function operateUntilDead(actor: Actor, random: (below: number) => number): Promise<Operation[]> {
  const done: Operation[] = [];
  for (;;) {
    const piece = pieceFrom(random);
    const outcomes = await actor.batch(piece.map((operation) => at(`mnt/${PLACE}`, operation)));
    const cut = outcomes.findIndex(({ errno }) => errno !== undefined && DEAD.includes(errno));
    if (cut >= 0) return [...done, ...piece.slice(0, cut + 1)];
    done.push(...piece);
  }
}

/** What two runs of one file system have in common. */
function comparable(tree: Tree): Tree {
  return Object.fromEntries(
    Object.entries(tree).map(([path, { mtime: _m, ino: _i, nlink: _n, ...rest }]) => [path, rest]),
  );
}

/** The oracle: the kernel's overlayfs over its own copy of the layers. */
class Oracle {
  private constructor(
    readonly scene: Scene,
    private readonly mounted: Mounted,
  ) {}

  static async start(): Promise<Oracle> {
    const scene = new Scene([]);
    await scene.build(new Map([[PLACE, { lower: LOWER, upper: {} }]]));
    const request = { base: scene.base, lowers: ['lower'], upper: 'upper', work: 'work', mountpoint: 'mnt' };
    return new Oracle(scene, await kernel.mount(host, { ...request, options: [] }));
  }

  async do(operations: readonly Operation[]): Promise<Tree> {
    await this.scene.actor.batch(operations.map((operation) => at(`mnt/${PLACE}`, operation)));
    return comparable(await this.scene.view(PLACE));
  }

  async close(): Promise<void> {
    await this.mounted.unmount();
    await this.scene.close();
  }
}

describe('killed at random moments', () => {
  test(
    `seed ${SEED}, ${ROUNDS} times`,
    async () => {
      const oracle = await Oracle.start();
      const scene = new Scene(['io=passthrough']);
      try {
        await scene.build(new Map([[PLACE, { lower: LOWER, upper: {} }]]));
        for (let round = 0; round < ROUNDS; round++) {
          const random = randomFrom(SEED * 1000 + round);
          const daemon = await scene.mount();
          const killed = sleep(1 + random(LONGEST_MS)).then(() => process.kill(daemon.pid, 'SIGKILL'));
          const operations = await operateUntilDead(scene.actor, random);
          const done = operations.length - 1;
          await killed;
          await daemon.ended();
          const command = [process.execPath, MAIN, 'umount', join(scene.base, 'mnt')];
          expect(await execute(host, command)).toEqual({ status: 0, out: '', err: '' });

          const label = `round ${round}, cut at ${done}: ${JSON.stringify(operations[done])}`;
          const tree = comparable(await scene.kernelView(PLACE));
          const undone = differences(`${label}, not done`, await oracle.do(operations.slice(0, done)), tree);
          if (undone.length > 0) {
            const finished = await oracle.do(operations.slice(done));
            const lines = differences(`${label}, done`, finished, tree);
            expect(lines.length === 0 ? [] : [...undone, ...lines]).toEqual([]);
          }
          const again = await scene.mount();
          expect(differences(`${label}, mounted again`, tree, comparable(await scene.view(PLACE)))).toEqual(
            [],
          );
          expect(scene.leftovers()).toEqual([]);
          await again.unmount();
        }
        expect(await scene.lowerChanges()).toEqual([]);
      } finally {
        await scene.close();
        await oracle.close();
      }
    },
    60_000 * (1 + ROUNDS),
  );
});
