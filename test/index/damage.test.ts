/** Whatever is done to the index: the mount works, shows the same, and says so in one line at most. */
import { root, Scene, type Served } from './scene';

const LAYERS = ['l0', 'l1', 'l2'];
const NAMES = ['d0/absent', 'd1/l1', 'd2', 'nothing'];
const WARN = 40;

const lines = (served: Served): string[] =>
  served
    .log()
    .filter(({ level }) => level >= WARN)
    .map(({ msg }) => msg);

(root ? describe : describe.skip)('an index', () => {
  let scene: Scene;
  let expected: string;

  beforeEach(() => {
    scene = new Scene(LAYERS);
    scene.shell(
      'for l in l*; do for d in d0 d1 d2 d3; do mkdir -p $l/$d; for n in 1 2 3; do echo $l > $l/$d/$l.$n; done; echo $l > $l/$d/same; done; done; sleep 0.1',
    );
    expected = scene.kernelTree(NAMES);
  });
  afterEach(() => scene.close());

  const option = (): string => `index=${scene.in('index')}`;

  /** One mount whose tree is right; its warnings. */
  async function mountOnce(
    ...options: string[]
  ): Promise<{ said: string[]; counters: Record<string, number> }> {
    const served = await scene.serve(...options);
    expect(scene.treeOf('mnt', NAMES)).toBe(expected);
    const counters = served.counters();
    await served.unmount();
    return { said: lines(served), counters };
  }

  test('that is whole is used by the second mount', async () => {
    expect((await mountOnce(option())).said).toEqual([]);
    const { said, counters } = await mountOnce(option());
    expect(said).toEqual([]);
    expect(counters).toMatchObject({ 'index.hits': 5, 'index.misses': 0, layerDirectoriesListed: 0 });
  });

  test.each([
    ['is deleted', 'rm -rf index'],
    ['is a file', 'rm -rf index; echo not a folder > index'],
    ['has a file for a database', 'rm -rf index/listings; echo garbage > index/listings'],
    ['has lost its tables and logs', 'rm -f index/listings/*.ldb index/listings/*.log'],
    ['has an empty CURRENT', ': > index/listings/CURRENT'],
    ['has lost its seal', 'rm -f index/listings/seal'],
    ['has garbage in every file', 'for f in index/listings/*; do head -c 3000 /dev/urandom > $f; done'],
    ['has only files without content', 'for f in index/listings/*; do : > $f; done'],
    [
      'has every file cut in half',
      'for f in index/listings/*; do truncate -s $(($(stat -c %s $f) / 2)) $f; done',
    ],
  ])('that %s', async (_, damage) => {
    await mountOnce(option());
    await mountOnce(option());
    scene.shell(damage);
    expect((await mountOnce(option())).said.length).toBeLessThanOrEqual(1);
    expect((await mountOnce(option())).said.length).toBeLessThanOrEqual(1);
  });

  test('that is deleted under a live mount', async () => {
    await mountOnce(option());
    const served = await scene.serve(option());
    scene.shell('rm -rf index');
    expect(scene.treeOf('mnt', NAMES)).toBe(expected);
    await served.unmount();
    expect(lines(served).length).toBeLessThanOrEqual(1);
    expect((await mountOnce(option())).said).toEqual([]);
  });

  test('on a full disk', async () => {
    scene.shell(
      'mkdir index && mount -t tmpfs -o mode=700,size=64k full index && head -c 60k /dev/zero > index/filler',
    );
    const { said } = await mountOnce(option());
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(/index is kept in memory only.*ENOSPC/);
  });

  test('on a disk that becomes full', async () => {
    // More than what is left of the log's last page.
    scene.shell('mkdir l0/big l1/big && (cd l1/big && seq -f %0100.0f 2000 | xargs touch); sleep 0.1');
    expected = scene.kernelTree(NAMES);
    scene.shell('mkdir index && mount -t tmpfs -o mode=700,size=2m full index');
    const served = await scene.serve(option());
    scene.shell('head -c 4m /dev/zero > index/filler');
    expect(scene.treeOf('mnt', NAMES)).toBe(expected);
    await served.unmount();
    expect(lines(served)).toHaveLength(1);
    expect(lines(served)[0]).toMatch(/the index cannot be written any more/);
    scene.shell('rm index/filler');
    expect((await mountOnce(option())).said.length).toBeLessThanOrEqual(1);
  });

  test('in a read-only folder', async () => {
    await mountOnce(option());
    scene.shell('mount --bind index index && mount -o remount,bind,ro index');
    const { said } = await mountOnce(option());
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(/index is kept in memory only.*(EROFS|read-only)/);
  });

  test('that another mount holds', async () => {
    const holder = new Scene(LAYERS);
    try {
      const held = await holder.serve(option());
      const { said } = await mountOnce(option());
      expect(said).toHaveLength(1);
      expect(said[0]).toMatch(/in-use/);
      await held.unmount();
    } finally {
      holder.close();
    }
  });

  test('that belonged to another stack is begun anew', async () => {
    const other = new Scene(LAYERS);
    try {
      other.shell('mkdir -p l0/d0 l1/d0 l2/d0; echo other > l2/d0/other; sleep 0.1');
      const served = await other.serve(option());
      other.shell('ls -R mnt');
      await served.unmount();
    } finally {
      other.close();
    }
    const { said, counters } = await mountOnce(option());
    expect(said).toEqual([]);
    expect(counters['index.hits']).toBe(0);
    expect((await mountOnce(option())).counters['index.hits']).toBeGreaterThan(0);
  });

  test('of a mount that is killed, again and again, at any moment', async () => {
    let found = 0;
    for (const pause of [0, 0.01, 0.05, 0.3, 0.6, 0.7, 1.2]) {
      const served = await scene.serve(option());
      expect(scene.treeOf('mnt', NAMES)).toBe(expected);
      scene.shell(`sleep ${pause}`);
      await served.kill();
      expect(lines(served)).toEqual([]);
      const next = await mountOnce(option());
      expect(next.said.length).toBeLessThanOrEqual(1);
      found += next.counters['index.hits'] ?? 0;
      if (pause < 0.5) scene.shell('rm -rf index');
    }
    // What was idle for long enough before the kill was kept.
    expect(found).toBeGreaterThan(0);
  });

  test('of layers on a stacked file system is not kept: what lies below them may change unseen', async () => {
    scene.shell('mkdir -p below/d0 above stacked; echo 1 > below/d0/old; mkdir above/d0');
    const stack = 'mount -t overlay overlay -o lowerdir=above:below stacked';
    scene.shell(`${stack}; rmdir l0/* 2>/dev/null; rm -rf l0; ln -s stacked l0`);
    const see = async (): Promise<string> => {
      const served = await scene.serve(option());
      const seen = scene.shell('cd mnt/d0 && ls');
      await served.unmount();
      return seen;
    };
    expect(await see()).toContain('old\n');
    scene.shell(`umount stacked; rm below/d0/old; echo 2 > below/d0/new; ${stack}`);
    const after = await see();
    expect(after).toContain('new\n');
    expect(after).not.toContain('old\n');
  });

  test('forgets nothing of whiteouts that are told by xattrs', async () => {
    const see = async (): Promise<string> => {
      const served = await scene.serve(option());
      const seen = scene.shell('cd mnt/d0 && ls');
      await served.unmount();
      return seen;
    };
    scene.shell(': > l0/d0/l1.1; setfattr -n trusted.overlay.opaque -v x l0 l0/d0; sleep 0.1');
    expect(await see()).toContain('l1.1\n');
    // A change of the file alone: its directory's ctime stays.
    scene.shell('setfattr -n trusted.overlay.whiteout -v y l0/d0/l1.1');
    expect(await see()).not.toContain('l1.1\n');
    scene.shell('setfattr -x trusted.overlay.whiteout l0/d0/l1.1');
    expect(await see()).toContain('l1.1\n');
  });

  test('made in a layer is refused', () => {
    const { code, err } = scene.stratafs('mount', '--lower', 'l0', '--index', 'l0/d0/new', 'mnt');
    expect(err).toMatch(/index .*l0\/d0\/new lies inside lower layer/);
    expect(code).toBe(3);
    expect(scene.shell('ls l0/d0')).not.toContain('new');
  });
});
