/** What is compared: one row per target, each with the command that mounts a stack. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './load';
import { type Mounted, mountAndReturn, mountAndServe } from './mount';
import { type Command, run } from './process';

/** A stack of lower layers, as a fixture makes it. */
export interface Stack {
  /** The folder that holds the layers; the layers are named relative to it. */
  readonly root: string;
  /** Newest first. */
  readonly lowers: readonly string[];
  /** The merged tree as one real directory; null where no workload of the fixture runs on the plain directory. */
  readonly merged: string | null;
}

/** Where one mount of a stack lives. */
export interface Place {
  readonly upper: string;
  readonly work: string;
  readonly mnt: string;
}

/** `serving`: the daemon stays our child, so that its pid is known. `returning`: as a person would mount. */
export type MountForm = 'serving' | 'returning';

/** A storage driver of containers/storage, and the command that it calls with `-o OPTIONS MOUNTPOINT`. */
export interface ContainerStorage {
  readonly driver: 'overlay' | 'vfs';
  readonly mountProgram?: { readonly argv: readonly string[]; readonly extraOption: string };
}

export interface Target {
  readonly name: string;
  readonly kind: 'plain' | 'kernel' | 'daemon';
  /** Ours are compared with the others: ratios and goals. */
  readonly ours: boolean;
  /** How container tools use it, where they can. */
  readonly containers?: ContainerStorage;
  open(stack: Stack, place: Place, form: MountForm): Promise<Mounted>;
}

const STRATAFS = join(ROOT, 'dist/daemon/main.js');

export const TARGETS: readonly Target[] = [
  { name: 'plain', kind: 'plain', ours: false, containers: { driver: 'vfs' }, open: copyPlain },
  { name: 'overlayfs', kind: 'kernel', ours: false, containers: { driver: 'overlay' }, open: mountOverlay },
  daemon('fuse-overlayfs', false, programStorage(['fuse-overlayfs'], ''), (stack, place, form) => [
    'fuse-overlayfs',
    ...(form === 'serving' ? ['-f'] : []),
    ...['-o', overlayOptions(stack, place), place.mnt],
  ]),
  daemon('unionfs-fuse', false, undefined, (stack, place, form) => [
    'unionfs',
    ...(form === 'serving' ? ['-f'] : []),
    ...['-o', 'cow,hide_meta_files'],
    [`${place.upper}=RW`, ...paths(stack).map((path) => `${path}=RO`)].join(':'),
    place.mnt,
  ]),
  stratafs('stratafs-passthrough', 'io=passthrough'),
  stratafs('stratafs-cached', 'io=cached'),
  stratafs('stratafs-native', 'transport=fuse-native'),
];

/** Why a target cannot be measured here, or null. A trial mount answers, not a guess. */
export async function whyNot(target: Target, stack: Stack, place: Place): Promise<string | null> {
  try {
    const mount = await target.open(stack, place, 'serving');
    await mount.close();
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

const paths = (stack: Stack) => stack.lowers.map((name) => join(stack.root, name));

const overlayOptions = (stack: Stack, place: Place) =>
  `lowerdir=${paths(stack).join(':')},upperdir=${place.upper},workdir=${place.work}`;

function programStorage(argv: readonly string[], extraOption: string): ContainerStorage {
  return { driver: 'overlay', mountProgram: { argv, extraOption } };
}

function daemon(
  name: string,
  ours: boolean,
  containers: ContainerStorage | undefined,
  argv: (stack: Stack, place: Place, form: MountForm) => string[],
): Target {
  return {
    name,
    kind: 'daemon',
    ours,
    containers,
    open(stack, place, form) {
      const command: Command = { argv: argv(stack, place, form) };
      const mount = form === 'serving' ? mountAndServe : mountAndReturn;
      return mount(command, place.mnt);
    },
  };
}

function stratafs(name: string, option: string): Target {
  const storage = programStorage([process.execPath, STRATAFS], option);
  return daemon(name, true, storage, (stack, place, form) => {
    if (!existsSync(STRATAFS)) throw new Error(`${STRATAFS} is not built`);
    return [
      process.execPath,
      ...[STRATAFS, 'mount', ...(form === 'serving' ? ['--foreground'] : [])],
      ...['-o', `${overlayOptions(stack, place)},${option}`, place.mnt],
    ];
  });
}

/** The kernel takes one page of options: the layers go by their short names, from their own folder. */
function mountOverlay(stack: Stack, place: Place): Promise<Mounted> {
  const options = `lowerdir=${stack.lowers.join(':')},upperdir=${place.upper},workdir=${place.work}`;
  const argv = ['mount', '-t', 'overlay', 'overlay', '-o', options, place.mnt];
  // mount(8) ≥ 2.39 gives options to fsconfig(2), whose strings end at 256 bytes: mount(2) takes the page.
  return mountAndReturn({ argv, cwd: stack.root, env: { LIBMOUNT_FORCE_MOUNT2: 'always' } }, place.mnt);
}

/** The physical limit: the merged tree in one real directory, a fresh copy for each "mount". */
async function copyPlain(stack: Stack, place: Place): Promise<Mounted> {
  if (stack.merged === null) throw new Error(`${stack.root} has no merged tree`);
  await run(['cp', '-a', `${stack.merged}/.`, place.mnt]);
  return { readyMs: Number.NaN, pid: null, lastWords: () => '', close: async () => {} };
}
