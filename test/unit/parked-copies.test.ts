/** Copy-ups whose requests wait, are let go and come again: a union without a mount, whose jobs end when told. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runJob } from '../../daemon/mount/run-job';
import type { Name } from '../../lib/base/bytes';
import { ENOSPC, OK, PARKED } from '../../lib/base/errno';
import { type JobId, NO_FH, type NodeId, ROOT_NODE } from '../../lib/base/ids';
import type { Union } from '../../lib/union/union';
import type { Job } from '../../lib/vfs/jobs';
import { Attr, Call, Entry, SetAttr } from '../../lib/vfs/types';
import { openBareUnion } from '../support/bare-union';

const SIZE = 4 * 2 ** 20;
/** A change of `f` as a request: on its way, or answered. */
class Setting {
  readonly call = new Call();

  constructor(
    readonly scene: Scene,
    readonly change: Partial<SetAttr>,
  ) {}

  /** Runs it, after a job has ended with `result` if it is not the first time. */
  run(result: number | null = null): number {
    this.call.jobResult = result;
    this.call.job = 0;
    const change = Object.assign(new SetAttr(), this.change);
    const errno = this.scene.union.setattr(this.call, this.scene.node, NO_FH, change, new Attr());
    this.scene.union.checkInvariants();
    return errno;
  }
}

class Scene {
  readonly base = mkdtempSync(join(process.env.STRATAFS_SCRATCH ?? '/dev/shm', 'stratafs-unit-'));
  readonly jobs: Job[] = [];
  readonly union: Union;
  readonly node: NodeId;

  constructor() {
    for (const name of ['lower', 'upper', 'work']) mkdirSync(join(this.base, name));
    writeFileSync(join(this.base, 'lower/f'), Buffer.alloc(SIZE, 'x'));
    const { base, jobs } = this;
    this.union = openBareUnion({ base, lowers: ['lower'], jobs }).union;
    const entry = new Entry();
    expect(this.union.lookup(new Call(), ROOT_NODE, 'f' as Name, entry)).toBe(OK);
    this.node = entry.node;
  }

  get upperSize(): number | null {
    const path = join(this.base, 'upper/f');
    return existsSync(path) ? statSync(path).size : null;
  }

  get workNames(): string[] {
    return readdirSync(join(this.base, 'work/work'));
  }

  /** Ends the job that was started last: done, or failed with an errno. Returns its result. */
  async end(errno = OK): Promise<number> {
    const result = errno === OK ? await runJob(this.jobs.at(-1)!) : -errno;
    this.union.jobDone(this.jobs.length as JobId, result);
    return result;
  }

  close(): void {
    this.union.destroy();
    rmSync(this.base, { recursive: true });
  }
}

let scene: Scene;
beforeEach(() => {
  scene = new Scene();
});
afterEach(() => scene.close());

const cut = { size: SIZE / 2 };
const chmod = { mode: 0o600 };

test('a copy that was made short for a request that is gone is made anew', async () => {
  expect(new Setting(scene, cut).run()).toBe(PARKED);
  await scene.end();
  const later = new Setting(scene, chmod);
  expect(later.run()).toBe(PARKED);
  expect(later.run(await scene.end())).toBe(OK);
  expect([scene.upperSize, scene.workNames]).toEqual([SIZE, []]);
});

test('who waits for a short copy does not get it when its request is gone', async () => {
  expect(new Setting(scene, cut).run()).toBe(PARKED);
  const other = new Setting(scene, chmod);
  expect(other.run()).toBe(PARKED);
  expect(scene.jobs).toHaveLength(1);
  expect(other.run(await scene.end())).toBe(PARKED);
  expect(other.run(await scene.end())).toBe(OK);
  expect([scene.upperSize, scene.workNames]).toEqual([SIZE, []]);
});

test('a short copy serves its request, and all that want no more', async () => {
  const [first, shorter, other] = [cut, { size: 9 }, chmod].map((change) => new Setting(scene, change));
  expect([first!.run(), shorter!.run(), other!.run()]).toEqual([PARKED, PARKED, PARKED]);
  const result = await scene.end();
  expect(shorter!.run(result)).toBe(OK);
  expect(scene.upperSize).toBe(9);
  expect([first!.run(result), other!.run(result)]).toEqual([OK, OK]);
  expect([scene.upperSize, scene.jobs.length]).toEqual([SIZE / 2, 1]);
});

test('who has waited for a failed copy learns why', async () => {
  const setting = new Setting(scene, chmod);
  expect(setting.run()).toBe(PARKED);
  expect(setting.run(await scene.end(ENOSPC))).toBe(ENOSPC);
  expect([scene.upperSize, scene.workNames]).toEqual([null, []]);
});

test('a copy that failed while nobody waited is made anew', async () => {
  expect(new Setting(scene, chmod).run()).toBe(PARKED);
  await scene.end(ENOSPC);
  const later = new Setting(scene, chmod);
  expect(later.run()).toBe(PARKED);
  expect(later.run(await scene.end())).toBe(OK);
  expect([scene.upperSize, scene.workNames]).toEqual([SIZE, []]);
});
