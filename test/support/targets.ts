/** The file systems that run the suites, and how each is mounted. */
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SUPPORTS } from '../../lib/fuse-native/supports';
import type { Supports } from '../../lib/vfs/transport';
import type { PrivateXattrs } from './layers';
import { ended, enterNamespace, execute, host, isMounted, kill, mustRun, type Place, start } from './place';

/** What a suite may expect of a target. */
export interface Traits {
  readonly xattrs: PrivateXattrs;
  /** More than one user and group exist, and root may do everything. */
  readonly privileged: boolean;
  /** Whoever opened a lower file before its copy-up shares it with later writers, large files included. */
  readonly oldReadersFollow: boolean;
  /** A file is copied up when it is opened for writing; else when it is first written to. */
  readonly copiesUpAtOpen: boolean;
  /** Each open(2) is asked for, and may be refused. */
  readonly asksToOpen: boolean;
  /** `.wh.NAME` files and `.wh..wh..opq` are read as whiteouts. */
  readonly ociWhiteouts: boolean;
  /** Links of a file that was copied up have its `st_ino`. */
  readonly linksShareNumber: boolean;
  /** The names of a file share its locks. */
  readonly linksShareLocks: boolean;
  /** A killed process does not wait for the copy-up that it has asked for. */
  readonly killsAtOnce: boolean;
  /** name_to_handle_at(2) gives handles, which hold no longer than the kernel's cache. */
  readonly passingHandles: boolean;
  /** What the transport carries. */
  readonly supports: Supports;
}

/** Directory names below `base`. */
export interface MountRequest {
  readonly base: string;
  /** Newest first. */
  readonly lowers: readonly string[];
  readonly upper: string | null;
  readonly work: string;
  readonly mountpoint: string;
  readonly options: readonly string[];
}

export interface Mounted {
  /** Unmounts and waits until nothing of the mount is left. */
  unmount(): Promise<void>;
  /** Gets rid of a mount that hangs. */
  abandon(): void;
}

export interface Target {
  readonly name: string;
  readonly traits: Traits;
  enter(): Promise<Place>;
  mount(place: Place, request: MountRequest): Promise<Mounted>;
}

const EVERYTHING: Supports = {
  nanosecondTimes: true,
  separateTimes: true,
  callerIds: true,
  renameFlags: true,
  fallocate: true,
  seekHole: true,
  readdirplus: true,
  anyByteNames: true,
  passthrough: true,
  bigInodes: true,
  tmpfile: true,
  ioctl: true,
  btime: true,
  posixAcls: true,
  namelessFiles: true,
};
const ROOT: Traits = {
  xattrs: 'trusted',
  privileged: true,
  oldReadersFollow: true,
  copiesUpAtOpen: true,
  asksToOpen: true,
  ociWhiteouts: true,
  linksShareNumber: true,
  linksShareLocks: true,
  killsAtOnce: true,
  passingHandles: false,
  supports: EVERYTHING,
};
const ROOTLESS: Traits = { ...ROOT, xattrs: 'user', privileged: false };

function optionsOf(request: MountRequest, more: readonly string[]): string {
  const layers = [`lowerdir=${request.lowers.join(':')}`];
  if (request.upper !== null) layers.push(`upperdir=${request.upper}`, `workdir=${request.work}`);
  return [...layers, ...more, ...request.options].join(',');
}

function abandonMount(place: Place, mountpoint: string, server?: ChildProcess): void {
  void execute(place, ['umount', '-l', mountpoint], '/', 5);
  if (server) kill(server);
}

function kernelOverlay(name: string, enter: () => Promise<Place>, traits: Traits, more: string[]): Target {
  return {
    name,
    traits: { ...traits, ociWhiteouts: false },
    enter,
    async mount(place, request) {
      const options = optionsOf(request, more);
      await mustRun(
        place,
        ['mount', '-t', 'overlay', 'overlay', '-o', options, request.mountpoint],
        request.base,
      );
      const mountpoint = join(request.base, request.mountpoint);
      return {
        unmount: async () => void (await mustRun(place, ['umount', mountpoint])),
        abandon: () => abandonMount(place, mountpoint),
      };
    },
  };
}

/** Starts a server that stays in the foreground and waits until its mount shows. */
async function serve(place: Place, argv: readonly string[], request: MountRequest): Promise<Mounted> {
  const mountpoint = join(request.base, request.mountpoint);
  const server = start(place.command(['sh', '-c', 'cd "$0" && exec "$@"', request.base, ...argv]));
  let said = '';
  server.stdout!.setEncoding('utf8').on('data', (text: string) => (said += text));
  server.stderr!.setEncoding('utf8').on('data', (text: string) => (said += text));
  for (let waits = 0; !isMounted(place, mountpoint); waits++) {
    if (server.exitCode !== null || waits > 1500) {
      abandonMount(place, mountpoint, server);
      throw new Error(`${argv.join(' ').slice(0, 1000)}: exit ${server.exitCode}: ${said}`);
    }
    await sleep(10);
  }
  return {
    async unmount() {
      const { status, err } = await execute(place, ['umount', mountpoint]);
      if (status !== 0) abandonMount(place, mountpoint, server);
      const code = await ended(server);
      if (status !== 0) throw new Error(`umount: exit ${status}: ${err}; the server said: ${said}`);
      if (code !== 0) throw new Error(`the server ended with ${code ?? 'a kill'}: ${said}`);
    },
    abandon: () => abandonMount(place, mountpoint, server),
  };
}

function stratafs(
  name: string,
  enter: () => Promise<Place>,
  traits: Traits,
  more: string[],
  inside: string[] = [],
): Target & { readonly options: string[] } {
  const program = [
    ...inside,
    process.execPath,
    join(__dirname, '../../daemon/main.js'),
    'mount',
    '--foreground',
  ];
  return {
    name,
    traits,
    options: more,
    enter,
    mount: (place, request) =>
      serve(place, [...program, '-o', optionsOf(request, more), request.mountpoint], request),
  };
}

/** fuse-overlayfs: a peer to try the suites on by hand. It does not pass them. */
const fuseOverlayfs: Target = {
  name: 'fuse-overlayfs',
  traits: ROOT,
  enter: () => Promise.resolve(host),
  mount: (place, request) => {
    const options = optionsOf(request, ['allow_other', 'default_permissions']);
    return serve(place, ['fuse-overlayfs', '-f', '-o', options, request.mountpoint], request);
  },
};

const atHost = () => Promise.resolve(host);
/** With redirect_dir=off a kernel may be built to follow redirects. */
const plain = ['redirect_dir=nofollow', 'metacopy=off'];
const everyone = ['allow_other', 'default_permissions'];

export const kernel = kernelOverlay('kernel-overlayfs', atHost, ROOT, [...plain, 'index=off']);
export const kernelRootless = kernelOverlay(
  'kernel-overlayfs-rootless',
  enterNamespace,
  { ...ROOTLESS, linksShareNumber: false },
  ['userxattr'],
);
export const passthrough = stratafs('stratafs-passthrough', atHost, { ...ROOT, oldReadersFollow: false }, [
  ...everyone,
  'io=passthrough',
]);
/** Where every directory takes many slices to list, between which others have their turn. */
export const tinySlices = stratafs(
  'stratafs-tiny-slices',
  atHost,
  { ...ROOT, copiesUpAtOpen: false, asksToOpen: false },
  [...everyone, 'io=cached', 'tiny-slices'],
);
export const cached = stratafs(
  'stratafs-cached',
  atHost,
  { ...ROOT, copiesUpAtOpen: false, asksToOpen: false },
  [...everyone, 'io=cached'],
);
export const rootless = stratafs(
  'stratafs-rootless',
  enterNamespace,
  { ...ROOTLESS, copiesUpAtOpen: false, asksToOpen: false },
  ['userxattr'],
);

/** The same with a daemon that has a pid namespace of its own: its callers have no number there. */
export function unseeing(target: typeof passthrough): Target {
  const { name, traits, options } = target;
  return stratafs(`${name} in a pid namespace`, atHost, traits, options, ['unshare', '-pf', '--kill-child']);
}

/** Through libfuse 2.9: its manifest says what it cannot carry. */
export const fuseNative = stratafs(
  'stratafs-fuse-native',
  atHost,
  {
    ...ROOT,
    copiesUpAtOpen: SUPPORTS.passthrough,
    linksShareLocks: false,
    killsAtOnce: false,
    passingHandles: true,
    supports: SUPPORTS,
  },
  ['allow_other', 'transport=fuse-native'],
);

/** By name, for the command line. */
export const targets: ReadonlyMap<string, Target> = new Map(
  [kernel, kernelRootless, passthrough, cached, tinySlices, rootless, fuseNative, fuseOverlayfs].map(
    (target) => [target.name, target],
  ),
);
