/** The budget of descriptors: what is given up, what is not, and who may pin how many. */
import { EMFILE, OK } from '../../lib/base/errno';
import { Descriptors, type Idle } from '../../lib/layer/descriptors';

const LIMIT = 80;
const ROOT = 0;
const ALICE = 1001;
const BOB = 1002;
const CAROL = 1003;

class Directory implements Idle {
  lastUse = -1;
  open = false;

  constructor(private readonly budget: Descriptors) {}

  use(): void {
    if (this.open) this.budget.used(this);
    else {
      this.open = true;
      this.budget.opened(this);
    }
  }

  close(): void {
    this.open = false;
    this.budget.closed(this);
  }
}

function makeDirectories(budget: Descriptors, count: number): Directory[] {
  return Array.from({ length: count }, () => new Directory(budget));
}

/** How many pins a user gets before EMFILE. */
function pinAll(budget: Descriptors, uid: number): number {
  for (let count = 0; ; count++) {
    const errno = budget.pin(uid);
    if (errno === OK) continue;
    expect(errno).toBe(EMFILE);
    return count;
  }
}

test('the directories used longest ago are given up, and none of the request that runs', () => {
  const budget = new Descriptors(LIMIT, ROOT);
  const all = makeDirectories(budget, LIMIT + 10);
  for (const one of all) {
    budget.beginRequest();
    one.use();
  }
  expect(all.map((one) => one.open)).toEqual(all.map((_, at) => at >= 10));
  budget.beginRequest();
  for (const one of all) one.use();
  expect(all.every((one) => one.open)).toBe(true);
  budget.beginRequest();
  all[0]!.close();
  all[0]!.use();
  expect(budget.openDirectories).toBe(LIMIT);
});

test('each user has a share, all users leave some to the superuser, and he some to directories', () => {
  const budget = new Descriptors(LIMIT, ROOT);
  expect(pinAll(budget, ALICE)).toBe(LIMIT / 4);
  expect(pinAll(budget, BOB)).toBe(LIMIT / 4);
  expect(pinAll(budget, CAROL)).toBe(0);
  expect(pinAll(budget, ROOT)).toBe(LIMIT / 4);
  const directories = makeDirectories(budget, LIMIT);
  for (const one of directories) {
    budget.beginRequest();
    one.use();
  }
  expect(budget.openDirectories).toBe(LIMIT / 4);
  for (let count = 0; count < LIMIT / 4; count++) budget.unpin(ALICE);
  expect(pinAll(budget, CAROL)).toBe(LIMIT / 4);
});

test('who mounted is nobody to be kept from his own', () => {
  expect(pinAll(new Descriptors(LIMIT, ALICE), ALICE)).toBe((LIMIT * 3) / 4);
});

test('a shortage frees what is not in use, and is got over in time', () => {
  const budget = new Descriptors(LIMIT, ROOT);
  const all = makeDirectories(budget, LIMIT);
  for (const one of all) {
    budget.beginRequest();
    one.use();
  }
  expect(budget.relieve()).toBe(true);
  const left = budget.openDirectories;
  expect(left).toBeLessThan(LIMIT);
  expect(all.at(-1)!.open).toBe(true);
  for (let requests = 0; requests < 20_000; requests++) budget.beginRequest();
  for (const one of all) one.use();
  expect(budget.openDirectories).toBe(LIMIT);
  expect(budget.relieve()).toBe(false);
});

test('files and directories give way to each other', () => {
  const budget = new Descriptors(LIMIT, ROOT);
  let files = 0;
  budget.onShortage(() => {
    if (files === 0) return false;
    files--;
    budget.countFile(-1);
    return true;
  });
  const all = makeDirectories(budget, LIMIT);
  for (const one of all) {
    budget.beginRequest();
    one.use();
    files++;
    budget.countFile(1);
  }
  expect(Math.abs(budget.openDirectories - files)).toBeLessThan(3);
  expect(budget.openDirectories + files).toBe(LIMIT);
});
