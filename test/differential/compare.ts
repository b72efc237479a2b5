/**
 * Runs one scenario on the kernel's overlayfs and on a target and compares what both say. Halfway the two upper
 * layers are unmounted and each is mounted by the other file system.
 *
 * What is not compared, and why, stands in test/README.md.
 */
import { shown } from '../support/actor';
import type { Operation, Outcome, Stat, Tree, TreeEntry } from '../support/operations';
import { shownTime, shownTree } from '../support/shown-times';
import { Stack } from '../support/stack';
import { kernel, type Target } from '../support/targets';
import { differences, timeless, timelessTree } from '../support/trees';
import { type Scenario, type Step, USER } from './generate';

/** What differs between the kernel's overlayfs and the target; empty when they agree. */
export async function compare(scenario: Scenario, target: Target): Promise<string[]> {
  const found: string[] = [];
  const oracle = await Stack.open(kernel, { lowers: scenario.lowers });
  try {
    const subject = await Stack.open(target, { lowers: scenario.lowers });
    try {
      found.push(...(await compareViews('fresh mount', oracle, subject)));
      found.push(...(await perform(scenario.before, oracle, subject)));
      if (found.length > 0) return found;
      await exchange(oracle, subject, target, kernel);
      found.push(...(await compareViews('under the other file system', oracle, subject)));
      found.push(...(await perform(scenario.after, subject, oracle)));
    } finally {
      await subject.close();
    }
  } finally {
    await oracle.close();
  }
  return found;
}

async function exchange(oracle: Stack, subject: Stack, forOracle: Target, forSubject: Target): Promise<void> {
  await Promise.all([oracle.remount(forOracle), subject.remount(forSubject)]);
}

/** Performs the steps on both. `expected` is what the kernel's overlayfs serves at the moment. */
async function perform(steps: readonly Step[], expected: Stack, actual: Stack): Promise<string[]> {
  const callers = [expected, actual].map((stack) => ({ root: stack.actor, user: stack.spawn(USER) }));
  for (const { byUser, operations } of steps) {
    const [theirs, ours] = await Promise.all(
      callers.map(({ root, user }) => (byUser ? user : root).batch(operations)),
    );
    const line = firstDifference(operations, byUser, theirs!, ours!, [expected.serving, actual.serving]);
    if (line !== undefined) return [line];
  }
  const found = await compareViews('after the operations', expected, actual);
  await Promise.all([expected.unmount(), actual.unmount()]);
  found.push(...(await compareUppers(expected, actual)));
  await expected.mount(expected.serving);
  await actual.mount(actual.serving);
  return [...found, ...(await compareViews('after a remount', expected, actual))];
}

function firstDifference(
  operations: readonly Operation[],
  byUser: boolean,
  expected: readonly Outcome[],
  actual: readonly Outcome[],
  targets: readonly Target[],
): string | undefined {
  for (const [at, operation] of operations.entries()) {
    const [theirs, ours] = [expected[at]!, actual[at]!].map((outcome) =>
      JSON.stringify(comparable(outcome, targets)),
    );
    if (theirs !== ours)
      return `${byUser ? 'user: ' : ''}${shown(operation)}: expected ${theirs}, is ${ours}`;
  }
  return undefined;
}

function comparable(outcome: Outcome, targets: readonly Target[]): unknown {
  const value = outcome.value as Partial<Stat> | null | undefined;
  if (typeof value !== 'object' || value === null || !('mtime' in value)) return outcome;
  const { type, mode, uid, gid, rdev, mtime, size, nlink } = value;
  const timed = {
    type,
    mode,
    uid,
    gid,
    rdev,
    mtime: timeless(targets.reduce((time, target) => shownTime(target, time), mtime!)),
  };
  return type === 'dir' ? timed : { ...timed, size, nlink };
}

async function compareViews(when: string, expected: Stack, actual: Stack): Promise<string[]> {
  const [theirs, ours] = await Promise.all(
    [expected, actual].map((stack) => stack.fs.snapshot('.', ['mtime'])),
  );
  const [before, after] = [theirs!, ours!].map((tree) =>
    timelessTree(shownTree(expected.serving, shownTree(actual.serving, tree))),
  );
  return differences(when, before!, after!);
}

/** The upper layers: whiteouts, and whatever both copied up or made. */
async function compareUppers(expected: Stack, actual: Stack): Promise<string[]> {
  const [theirs, ours] = await Promise.all(
    [expected, actual].map((stack) => stack.layers.fs.snapshot('upper', ['mtime'])),
  );
  const [before, after] = [timelessTree(theirs!), timelessTree(ours!)];
  for (const tree of [before, after]) for (const entry of Object.values(tree)) stripPrivate(entry);
  if (!expected.serving.traits.copiesUpAtOpen || !actual.serving.traits.copiesUpAtOpen) {
    dropSingleCopies(before, after);
    dropSingleCopies(after, before);
  }
  return differences('upper layer', before, after);
}

/** Forgets files that only one of the two copied up. */
function dropSingleCopies(tree: Tree, other: Tree): void {
  for (const [path, entry] of Object.entries(tree)) if (!other[path] && !isWhiteout(entry)) delete tree[path];
}

const isWhiteout = (entry: TreeEntry) => entry.type === 'char' && entry.rdev === '0:0';

/** Leaves of an entry what the format promises. */
function stripPrivate(entry: TreeEntry): void {
  if (isWhiteout(entry)) {
    for (const field of Object.keys(entry) as (keyof TreeEntry)[]) {
      if (field !== 'type' && field !== 'rdev') delete entry[field];
    }
    return;
  }
  for (const name of Object.keys(entry.xattrs ?? {})) {
    if (name.startsWith('trusted.overlay.')) delete entry.xattrs![name];
  }
}
