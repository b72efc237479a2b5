/**
 * Directories that are listed in slices, while others make, remove and rename names in them: a union without a mount,
 * compared after every operation with a plain set of names.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runJob } from '../../daemon/mount/run-job';
import { bytesFromText, type Name } from '../../lib/base/bytes';
import { EEXIST, EINTR, ENOENT, ENOTEMPTY, type Errno, OK, PARKED } from '../../lib/base/errno';
import { type JobId, NO_FH, type NodeId, ROOT_NODE } from '../../lib/base/ids';
import { makeWhiteout } from '../../lib/layer/whiteout';
import { AT_FDCWD } from '../../lib/sys/open';
import type { Union } from '../../lib/union/union';
import { S_IFREG } from '../../lib/vfs/flags';
import type { Job } from '../../lib/vfs/jobs';
import { Call, Entry } from '../../lib/vfs/types';
import { openBareUnion } from '../support/bare-union';

/** An operation that may park, and what it has said in the end. */
class Request {
  readonly call = new Call();
  errno: Errno = PARKED;

  constructor(
    uid: number,
    private readonly operation: (call: Call) => Errno,
  ) {
    this.call.uid = uid;
    this.run(null);
  }

  run(result: number | null): void {
    this.call.jobResult = result;
    this.call.job = 0;
    this.errno = this.operation(this.call);
  }
}

class Scene {
  readonly base = mkdtempSync(join(process.env.STRATAFS_SCRATCH ?? '/dev/shm', 'stratafs-unit-'));
  readonly jobs: Job[] = [];
  readonly union: Union;
  private parked: Request[] = [];

  /** @param prepare makes what lies in `upper`, `0` and `1` below the working directory */
  constructor(prepare: (base: string) => void) {
    for (const name of ['upper', 'work', '0', '1']) mkdirSync(join(this.base, name));
    prepare(this.base);
    const { base, jobs } = this;
    this.union = openBareUnion({ base, lowers: ['0', '1'], jobs, options: { tinySlices: true } }).union;
  }

  /** Makes a request; where it parks it is among `parked`. */
  request(uid: number, operation: (call: Call) => Errno): Request {
    const request = new Request(uid, operation);
    this.union.checkInvariants();
    if (request.errno === PARKED) this.parked.push(request);
    return request;
  }

  get waiting(): readonly Request[] {
    return this.parked;
  }

  /** One slice, and the requests that have waited for what it ended. */
  work(): void {
    const ended = this.union.work();
    if (ended === null) return;
    this.union.jobDone(ended.id, ended.result);
    const again = this.parked.filter(({ call }) => call.job === ended.id);
    this.parked = this.parked.filter(({ call }) => call.job !== ended.id);
    for (const request of again) {
      request.run(ended.result);
      this.union.checkInvariants();
      if (request.errno === PARKED) this.parked.push(request);
    }
  }

  workAll(): void {
    for (let slices = 0; this.union.workIn === 0; slices++) {
      if (slices > 100_000) throw new Error('the work never ends');
      this.work();
    }
  }

  /** The caller of a parked request is killed. */
  kill(request: Request): void {
    request.errno = EINTR;
    this.parked = this.parked.filter((other) => other !== request);
  }

  node(parent: NodeId, name: string): NodeId {
    const entry = new Entry();
    expect(this.union.lookup(new Call(), parent, name as Name, entry)).toBe(OK);
    return entry.node;
  }

  /** readdir, from the first name to the last; `names` is filled when it is answered. */
  list(dir: NodeId, names: string[], uid = 0): Request {
    return this.request(uid, (call) => {
      names.length = 0;
      return this.union.readdir(call, dir, NO_FH, 0, {
        add: (name) => (name === '.' || name === '..' ? true : names.push(name) > 0),
      });
    });
  }

  rmdir(name: string): Request {
    return this.request(0, (call) => this.union.rmdir(call, ROOT_NODE, name as Name));
  }

  close(): void {
    this.union.destroy();
    rmSync(this.base, { recursive: true });
  }
}

let scene: Scene;
afterEach(() => scene.close());

const range = (prefix: string, from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, at) => `${prefix}${from + at}`);

const LOWER = [...range('a', 0, 60), ...range('b', 0, 300)];
const UPPER = range('u', 0, 30);
const GONE = range('a', 0, 20);

/** `d` merged of three directories, `e` in a lower layer only. */
function threeParts(base: string): void {
  for (const dir of ['upper/d', '0/d', '1/d', '0/e']) mkdirSync(join(base, dir));
  for (const name of range('a', 0, 60)) writeFileSync(join(base, '0/d', name), '');
  for (const name of [...range('a', 40, 60), ...range('b', 0, 300)])
    writeFileSync(join(base, '1/d', name), '');
  for (const name of UPPER) writeFileSync(join(base, 'upper/d', name), '');
  for (const name of GONE)
    expect(makeWhiteout(AT_FDCWD, bytesFromText(join(base, 'upper/d', name)))).toBe(OK);
}

/** Random numbers that a seed repeats. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** One random scenario: whatever is answered is what a set of names says at that moment. */
function scenario(seed: number): void {
  const next = random(seed);
  const { union } = scene;
  const names = new Set([...LOWER, ...UPPER].filter((name) => !GONE.includes(name)));
  const all = [...LOWER, ...UPPER, ...range('n', 0, 20)];
  const any = (): Name => all[next(all.length)] as Name;
  let d = scene.node(ROOT_NODE, 'd');
  const e = scene.node(ROOT_NODE, 'e');
  const elsewhere = new Set<string>();
  const entry = new Entry();
  const forget = (): void => union.forget(entry.node, 1);

  const steps: (() => void)[] = [
    () => {
      const seen: string[] = [];
      const at = scene.request(next(3), (call) => {
        seen.length = 0;
        const errno = union.readdir(call, d, NO_FH, 0, {
          add: (name) => (name === '.' || name === '..' ? true : seen.push(name) > 0),
        });
        if (errno === OK) expect([...seen].sort()).toEqual([...names].sort());
        return errno;
      });
      expect([OK, PARKED]).toContain(at.errno);
    },
    () => {
      const name = any();
      const errno = union.mknod(new Call(), d, name, S_IFREG | 0o600, 0, 0, entry);
      expect([name, errno]).toEqual([name, names.has(name) ? EEXIST : OK]);
      if (errno === OK) forget();
      names.add(name);
    },
    () => {
      const name = any();
      expect([name, union.unlink(new Call(), d, name)]).toEqual([name, names.has(name) ? OK : ENOENT]);
      names.delete(name);
    },
    () => {
      const [from, to] = [any(), any()];
      expect(union.rename(new Call(), d, from, d, to, 0)).toBe(names.has(from) ? OK : ENOENT);
      if (names.delete(from)) names.add(to);
    },
    () => {
      const name = any();
      const [from, to] = next(2) === 0 ? [names, elsewhere] : [elsewhere, names];
      const [parent, target] = from === names ? [d, e] : [e, d];
      expect(union.rename(new Call(), parent, name, target, name, 0)).toBe(from.has(name) ? OK : ENOENT);
      if (from.delete(name)) to.add(name);
    },
    () => {
      const name = any();
      const errno = union.lookup(new Call(), d, name, entry);
      expect([name, errno]).toEqual([name, names.has(name) ? OK : ENOENT]);
      if (errno === OK) forget();
    },
    () => {
      if (names.size > 0) expect([ENOTEMPTY, PARKED]).toContain(scene.rmdir('d').errno);
    },
    () => {
      const { waiting } = scene;
      if (waiting.length > 0) scene.kill(waiting[next(waiting.length)]!);
    },
    () => {
      if (scene.waiting.length > 0) return;
      union.forget(d, 1);
      d = scene.node(ROOT_NODE, 'd');
    },
  ];
  for (let step = 0; step < 150; step++) {
    if (next(3) > 0) scene.work();
    else steps[next(steps.length)]!();
  }
  scene.workAll();
  expect(scene.waiting).toEqual([]);
  const seen: string[] = [];
  scene.list(d, seen);
  scene.workAll();
  expect(seen.sort()).toEqual([...names].sort());
}

const SEED = Number(process.env.STRATAFS_SEED ?? 1);
const ROUNDS = Number(process.env.STRATAFS_ROUNDS ?? 30);

test('names that come and go while a directory is listed are in no answer wrong', () => {
  for (let round = 0; round < ROUNDS; round++) {
    scene = new Scene(threeParts);
    try {
      scenario(SEED + round);
    } catch (error) {
      throw new Error(`STRATAFS_SEED=${SEED + round} STRATAFS_ROUNDS=1`, { cause: error });
    } finally {
      if (round < ROUNDS - 1) scene.close();
    }
  }
});

test('all that need one listing wait for the same', () => {
  scene = new Scene(threeParts);
  const d = scene.node(ROOT_NODE, 'd');
  const [one, two, three]: [string[], string[], string[]] = [[], [], []];
  const requests = [scene.list(d, one, 1), scene.list(d, two, 2), scene.list(d, three, 2)];
  expect(requests.map(({ errno }) => errno)).toEqual([PARKED, PARKED, PARKED]);
  expect(new Set(requests.map(({ call }) => call.job)).size).toBe(1);
  scene.workAll();
  expect(requests.map(({ errno }) => errno)).toEqual([OK, OK, OK]);
  expect([two, three]).toEqual([one, one]);
});

test('a lookup does not wait for the listing that is under way', () => {
  scene = new Scene(threeParts);
  const d = scene.node(ROOT_NODE, 'd');
  const listing = scene.list(d, []);
  const entry = new Entry();
  for (const name of ['a30', 'b7', 'u3']) {
    expect(scene.union.lookup(new Call(), d, name as Name, entry)).toBe(OK);
  }
  for (const name of ['a3', 'x']) {
    expect(scene.union.lookup(new Call(), d, name as Name, entry)).toBe(ENOENT);
  }
  expect(listing.errno).toBe(PARKED);
});

test('a directory with names is known not to be empty before it is listed', () => {
  scene = new Scene((base) => {
    mkdirSync(join(base, '0/d'));
    for (const name of LOWER) writeFileSync(join(base, '0/d', name), '');
  });
  scene.node(ROOT_NODE, 'd');
  expect(scene.rmdir('d').errno).toBe(ENOTEMPTY);
  expect(scene.waiting).toEqual([]);
});

test('an empty one that is full of whiteouts is removed at once, and they go by and by', async () => {
  scene = new Scene((base) => {
    threeParts(base);
    for (const name of UPPER) rmSync(join(base, 'upper/d', name));
    const names = [...LOWER.slice(20), ...Array.from({ length: 300 }, (_, at) => `more-${at}`)];
    for (const name of names) makeWhiteout(AT_FDCWD, bytesFromText(join(base, 'upper/d', name)));
  });
  scene.node(ROOT_NODE, 'd');
  const removal = scene.rmdir('d');
  expect(removal.errno).toBe(PARKED);
  scene.workAll();
  expect(removal.errno).toBe(OK);
  expect(scene.union.lookup(new Call(), ROOT_NODE, 'd' as Name, new Entry())).toBe(ENOENT);
  expect([scene.union.busy, scene.jobs.map(({ kind }) => kind)]).toEqual([true, ['remove-tree']]);
  const work = join(scene.base, 'work/work');
  expect(readdirSync(work)).toHaveLength(1);
  scene.union.jobDone(1 as JobId, await runJob(scene.jobs[0]!));
  expect([scene.union.busy, readdirSync(work)]).toEqual([false, []]);
});

test('what cannot be listed says so to all who wait, and later again', () => {
  scene = new Scene(threeParts);
  const d = scene.node(ROOT_NODE, 'd');
  const request = scene.list(d, []);
  scene.kill(request);
  scene.union.forget(d, 1);
  scene.workAll();
  expect(scene.union.workIn).toBe(-1);
  const seen: string[] = [];
  const again = scene.list(scene.node(ROOT_NODE, 'd'), seen);
  scene.workAll();
  expect([again.errno, seen.length]).toEqual([OK, LOWER.length + UPPER.length - GONE.length]);
});

test('users take turns, and of one user no more than two works are in hand', () => {
  scene = new Scene((base) => {
    for (const dir of range('d', 0, 20)) {
      mkdirSync(join(base, '0', dir));
      for (const name of range('x', 0, 100)) writeFileSync(join(base, '0', dir, name), '');
    }
  });
  const ended: string[] = [];
  const list = (name: string, uid: number): void => {
    const dir = scene.node(ROOT_NODE, name);
    scene.request(uid, (call) => {
      const errno = scene.union.readdir(call, dir, NO_FH, 0, { add: () => true });
      if (errno === OK) ended.push(name);
      return errno;
    });
  };
  for (const name of range('d', 0, 19)) list(name, 1);
  list('d19', 2);
  expect(scene.waiting).toHaveLength(20);
  const open = (): number => readdirSync('/proc/self/fd').length;
  const before = open();
  while (ended.length === 0) scene.work();
  expect(ended).toEqual(['d19']);
  expect(open() - before).toBeLessThan(3);
  scene.workAll();
  expect(ended.sort()).toEqual(range('d', 0, 20).sort());
});
