/** Where the index lies, and what `stratafs index` does with it. */
import { existsSync } from 'node:fs';
import { root, Scene } from './scene';

(root ? describe : describe.skip)('the index', () => {
  let scene: Scene;

  beforeEach(() => {
    scene = new Scene(['l0', 'l1']);
    scene.shell('for l in l0 l1; do mkdir -p $l/d/e; echo $l > $l/d/e/$l; done; sleep 0.1');
  });
  afterEach(() => scene.close());

  const WRITABLE = ['-o', 'lowerdir=l0:l1,upperdir=upper,workdir=work'];

  function mountAndList(...args: string[]): Record<string, number> {
    expect(scene.stratafs('mount', ...args, 'mnt')).toMatchObject({ code: 0, err: '' });
    scene.shell('ls -lR mnt');
    const counters = JSON.parse(scene.stratafs('status', 'mnt').out);
    expect(scene.stratafs('umount', 'mnt').code).toBe(0);
    return counters;
  }

  test('of a writable mount lies in the work directory, which the kernel can use as before', () => {
    expect(mountAndList(...WRITABLE)).toMatchObject({ 'index.hits': 0, 'index.puts': 3 });
    expect(scene.shell('ls work')).toBe('stratafs-index\nwork\n');
    expect(mountAndList(...WRITABLE)).toMatchObject({ 'index.hits': 3, 'index.puts': 0 });
    const kernel = 'mount -t overlay overlay -o lowerdir=l0:l1,upperdir=upper,workdir=work,index=on mnt';
    expect(scene.shell(`${kernel} && ls mnt/d/e && echo new > mnt/d/e/new; umount mnt`)).toBe('l0\nl1\n');
    expect(mountAndList(...WRITABLE)).toMatchObject({ 'index.hits': 3, 'index.puts': 0 });
    expect(scene.shell('cat upper/d/e/new')).toBe('new\n');
  });

  test('is off for a read-only mount, and where index=off says so; index=on is the default', () => {
    mountAndList('--lower', 'l1', '--lower', 'l0');
    expect(mountAndList('--lower', 'l1', '--lower', 'l0')).toMatchObject({ 'index.hits': 0 });
    mountAndList(...WRITABLE, '--index', 'off');
    expect(scene.shell('ls work')).toBe('work\n');
    mountAndList(...WRITABLE, '-o', 'index=on');
    expect(existsSync(scene.in('work/stratafs-index'))).toBe(true);
  });

  test('lies where --index says, made with its parents', () => {
    mountAndList('--lower', 'l1', '--lower', 'l0', '--index', 'some/where');
    const again = mountAndList('--lower', 'l1', '--lower', 'l0', '-o', 'index=some/where');
    expect(again).toMatchObject({ 'index.hits': 3, 'index.misses': 0 });
  });

  test('is the same on both transports', () => {
    mountAndList(...WRITABLE);
    const counters = mountAndList(...WRITABLE, '--transport', 'fuse-native');
    expect(counters).toMatchObject({ 'index.hits': 3, 'index.misses': 0 });
  });

  test('is shown by stat and removed by drop', () => {
    mountAndList(...WRITABLE);
    mountAndList(...WRITABLE);
    const { code, out } = scene.stratafs('index', 'stat', 'work', '--json');
    expect(code).toBe(0);
    const shown = JSON.parse(out);
    expect(shown).toMatchObject({ records: 3, listings: 3, listedNames: 4, names: 0 });
    expect(shown.lastMount).toMatchObject({ hitRate: 1 });
    expect(scene.stratafs('index', 'stat', 'work/stratafs-index').out).toMatch(
      /records +3[\s\S]*directories +3, with 4 names[\s\S]*hit rate +100.0 %/,
    );
    expect(scene.stratafs('index', 'drop', 'work')).toMatchObject({ code: 0, out: '', err: '' });
    const gone = scene.stratafs('index', 'stat', 'work');
    expect(gone.err).toMatch(/there is no index in .*work/);
    expect(gone.code).toBe(1);
    expect(mountAndList(...WRITABLE)).toMatchObject({ 'index.hits': 0, 'index.puts': 3 });
  });

  test('that a mount uses is left alone', () => {
    scene.stratafs('mount', ...WRITABLE, 'mnt');
    for (const words of [
      ['stat', 'work'],
      ['drop', 'work'],
      ['warm', ...WRITABLE],
    ]) {
      const { code, err } = scene.stratafs('index', ...words);
      expect(err).toMatch(/is in use/);
      expect(code).toBe(5);
    }
    scene.stratafs('umount', 'mnt');
  });

  test('is filled ahead by warm, so that the first mount lists nothing', () => {
    const { code, out } = scene.stratafs('index', 'warm', ...WRITABLE);
    expect(out).toMatch(/work\/stratafs-index: 3 directories with 4 names; 3 records new, 0 known\n$/);
    expect(code).toBe(0);
    expect(mountAndList(...WRITABLE)).toMatchObject({ 'index.hits': 3, layerDirectoriesListed: 0 });
    expect(scene.stratafs('index', 'warm', ...WRITABLE).out).toMatch(/0 records new, 3 known\n$/);
    expect(scene.shell('find upper')).toBe('upper\n');
  });

  test('warm says what it misses', () => {
    const none = scene.stratafs('index', 'warm', '--lower', 'l0');
    expect(none.err).toMatch(/no place for an index \(give --index DIR/);
    expect(none.code).toBe(2);
    const gone = scene.stratafs('index', 'warm', '--lower', 'nope', '--index', 'index');
    expect(gone.err).toMatch(/lower layer .*nope does not exist/);
    expect(gone.code).toBe(3);
    expect(scene.stratafs('index').err).toMatch(/no index command given: stat, drop or warm/);
  });

  test('warm draws a bar on a terminal only', () => {
    const main = scene.stratafs('index', 'warm', '--lower', 'l0', '--lower', 'l1', '--index', 'one');
    expect(main.err).toBe('');
    const program = `${process.execPath} ${require.resolve('../../daemon/main.js')}`;
    const shown = scene.shell(
      `script -qec "${program} index warm --lower l0 --lower l1 --index two" /dev/null`,
    );
    expect(shown).toMatch(/3 of 3 directories, 4 names/);
    expect(shown).toMatch(/3 records new, 0 known/);
  });

  test('is handed over while the mount is idle, though nothing follows', () => {
    scene.stratafs('mount', ...WRITABLE, 'mnt');
    scene.shell('ls -lR mnt; sleep 1.5');
    const counters = JSON.parse(scene.stratafs('status', 'mnt').out);
    expect(counters).toMatchObject({ 'index.puts': 3, 'index.written': 3 });
    scene.stratafs('umount', 'mnt');
  });
});
