/** What a lookup costs in 200 layers: counted by the kernel (strace -c) and as --trace-fuse tells it. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { root, Scene, type Served, until } from './scene';

const LAYERS = 200;
/** Every call that can look at a file or a directory of a layer. */
const CALLS = 'open,openat,openat2,stat,lstat,fstat,newfstatat,statx,access,faccessat,faccessat2,'.concat(
  'getxattr,lgetxattr,fgetxattr,readlink,readlinkat,getdents,getdents64,name_to_handle_at,open_by_handle_at',
);

const layers = Array.from({ length: LAYERS }, (_, at) => `l${at}`);
const names = (suffix: string): string[] => layers.map((layer) => `${layer}.${suffix}`);

/** The calls that all threads of the mount make while `work` runs, by name. */
async function callsDuring(scene: Scene, served: Served, work: () => void): Promise<Record<string, number>> {
  const out = scene.in('strace');
  const strace = spawn('strace', [
    '-f',
    '-c',
    '-U',
    'calls,name',
    '-e',
    `trace=${CALLS}`,
    '-o',
    out,
    '-p',
    `${served.pid}`,
  ]);
  let said = '';
  strace.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk;
  });
  const ended = new Promise((resolve) => strace.once('exit', resolve));
  await until('strace is attached', () => said.includes('attached'));
  // It says so once for each thread, or for all of them at the end.
  await new Promise((resolve) => setTimeout(resolve, 200));
  work();
  strace.kill('SIGINT');
  await ended;
  const rows = readFileSync(out, 'utf8').matchAll(/^\s*(\d+)\s+([a-z0-9_]+)$/gm);
  return Object.fromEntries(
    [...rows].filter(([, , name]) => name !== 'total').map(([, calls, name]) => [name, Number(calls)]),
  );
}

(root ? describe : describe.skip)('more directories in the layers than descriptors', () => {
  test('are listed all the same', async () => {
    const scene = new Scene(layers);
    try {
      scene.shell(
        'for l in l*; do for d in 0 1 2 3 4 5 6 7 8 9; do mkdir $l/d$d; echo $l > $l/d$d/$l; done; done',
      );
      const limit = ['prlimit', '--nofile=900:900'];
      scene.prefix = ['setpriv', '--bounding-set', '-sys_resource', ...limit];
      const served = await scene.serve();
      expect(scene.shell('ls -lR mnt 2>&1 | grep -c rw-').trim()).toBe(`${10 * LAYERS}`);
      expect(scene.shell('find mnt -type f | xargs cat | sort -u | wc -l').trim()).toBe(`${LAYERS}`);
      await served.unmount();
    } finally {
      scene.close();
    }
  });
});

/** Without what a file is asked for its xattrs by: many an strace does not know listxattrat(2), and some kernels neither. */
function withoutLists({ listxattrat: _at, llistxattr: _by, ...rest }: Record<string, number>): object {
  return rest;
}

(root ? describe : describe.skip)(`lookups in a known directory of ${LAYERS} layers`, () => {
  let scene: Scene;
  let served: Served;

  beforeAll(async () => {
    scene = new Scene(layers);
    scene.shell(
      `for l in l*; do mkdir $l/d; for s in first second third fourth; do echo $l > $l/d/$l.$s; done; done; sleep 0.1`,
    );
    const before = await scene.serve(`index=${scene.in('index')}`);
    scene.shell('ls mnt/d');
    await before.unmount();
    served = await scene.serve(`index=${scene.in('index')}`, 'trace-fuse', 'log-level=trace');
  });
  afterAll(async () => {
    await served.unmount();
    scene.close();
  });

  const stat = (list: readonly string[]): string =>
    scene.shell(`cd mnt/d && stat -c %n ${list.join(' ')} 2>/dev/null | wc -l`).trim();
  const lookups = (from: number): string[] =>
    served
      .log()
      .slice(from)
      .map(({ msg }) => msg)
      .filter((msg) => msg.startsWith('< ') && msg.includes(' LOOKUP '));

  test('the remounted directory comes from the index: no layer is listed', () => {
    expect(stat([`${layers[0]}.first`])).toBe('1');
    expect(served.counters()).toMatchObject({
      'index.hits': 2,
      'index.misses': 0,
      'index.puts': 0,
      layerDirectoriesListed: 0,
    });
  });

  test('an absent name makes no system call', async () => {
    const from = served.log().length;
    const calls = await callsDuring(scene, served, () => expect(stat(names('absent'))).toBe('0'));
    expect(calls).toEqual({});
    expect(lookups(from)).toHaveLength(LAYERS);
    for (const line of lookups(from)) expect(line).toMatch(/ layer-calls=0$/);
  });

  test('a present file makes one statx and one listxattrat, in the layer that has it', async () => {
    // The second name that comes from a layer opens its directory there.
    for (const suffix of ['first', 'fourth']) expect(stat(names(suffix))).toBe(`${LAYERS}`);
    const from = served.log().length;
    const calls = await callsDuring(scene, served, () => expect(stat(names('second'))).toBe(`${LAYERS}`));
    expect(withoutLists(calls)).toEqual({ statx: LAYERS });
    for (const line of lookups(from)) expect(line).toMatch(/ layer-calls=2$/);
    expect(lookups(from)).toHaveLength(LAYERS);
  });

  test('with a recalled listing the first name that comes from a layer costs no more than later ones', async () => {
    await served.unmount();
    served = await scene.serve(`index=${scene.in('index')}`);
    scene.shell('stat mnt/d/absent');
    const calls = await callsDuring(scene, served, () => expect(stat(names('third'))).toBe(`${LAYERS}`));
    expect(withoutLists(calls)).toEqual({ statx: LAYERS });
  });
});
