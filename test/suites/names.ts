/** Names as bytes, and how long and deep they may be. */
import { O_CREAT, O_EXCL, O_WRONLY } from '../../lib/vfs/flags';
import { file, type Layer, symlink } from '../support/layers';
import { useStack } from '../support/stack';
import type { Target } from '../support/targets';

const LONGEST = 'n'.repeat(255);
const DEPTH = 300;

/** Not UTF-8, control characters, what looks like an option, an escape or a whiteout. */
const STRANGE = [
  '\xff\xfe',
  '\x80',
  'caf\xe9',
  '\n',
  '\t x',
  ' ',
  '-rf',
  '\\',
  ':',
  ',',
  '"',
  '%s',
  '...',
  '~',
  '\xe2\x82',
  '.w',
  'CON',
];

const layer: Layer = {
  ...Object.fromEntries(STRANGE.map((name): [string, Layer[string]] => [`strange/${name}`, file(name)])),
  [LONGEST]: file('long'),
  [`deep/${'d/'.repeat(DEPTH)}bottom`]: file('deep'),
};

export function namesSuite(target: Target): void {
  describe('names', () => {
    const stack = useStack(target, { lowers: [layer, { pointer: symlink('\xff\xfe') }] });

    test('any bytes name a lower file', async () => {
      const { fs } = stack;
      expect(await fs.names('strange')).toEqual([...STRANGE].sort());
      for (const name of STRANGE) expect(await fs.get(`strange/${name}`)).toBe(name);
      expect(await fs.readlink('pointer')).toBe('\xff\xfe');
    });

    test.each(STRANGE)('a file named %j is made, changed, renamed and removed', async (name) => {
      const { fs } = stack;
      await fs.mkdir('new').catch(() => undefined);
      await fs.put(`new/${name}`, 'x');
      await fs.append(`strange/${name}`, '+');
      await fs.rename(`new/${name}`, `new/${name}'`);
      await fs.symlink(name, `new/${name}`);
      expect(await fs.names('new')).toEqual([name, `${name}'`].sort());
      expect(await fs.readlink(`new/${name}`)).toBe(name);
      await fs.unlink(`new/${name}`);
      await fs.unlink(`new/${name}'`);
      expect(await fs.get(`strange/${name}`)).toBe(`${name}+`);
      await fs.unlink(`strange/${name}`);
      expect(await stack.errno.stat(`strange/${name}`)).toBe('ENOENT');
    });

    test('255 bytes are a name, 256 are not', async () => {
      const { fs, errno } = stack;
      expect(await fs.get(LONGEST)).toBe('long');
      await fs.append(LONGEST, '+');
      await fs.rename(LONGEST, 'm'.repeat(255));
      expect(await fs.get('m'.repeat(255))).toBe('long+');
      await fs.unlink('m'.repeat(255));
      const tooLong = 'n'.repeat(256);
      expect(await errno.stat(tooLong)).toBe('ENAMETOOLONG');
      expect(await errno.open(tooLong, O_CREAT | O_EXCL | O_WRONLY)).toBe('ENAMETOOLONG');
      expect(await errno.mkdir(tooLong)).toBe('ENAMETOOLONG');
      expect(await errno.symlink('x', tooLong)).toBe('ENAMETOOLONG');
      expect(await errno.rename('pointer', tooLong)).toBe('ENAMETOOLONG');
    });

    test('a symlink holds 4095 bytes', async () => {
      const { fs, errno } = stack;
      const target = 't'.repeat(4095);
      await fs.symlink(target, 'long-link');
      expect(await fs.readlink('long-link')).toBe(target);
      expect((await fs.stat('long-link')).size).toBe(4095);
      expect(await errno.symlink('t'.repeat(4096), 'longer-link')).toBe('ENAMETOOLONG');
    });

    test('a path of 4095 bytes reaches its file', async () => {
      const { fs, errno } = stack;
      const step = `${'s'.repeat(255)}/`;
      const walker = stack.spawn();
      for (let depth = 0; depth < 15; depth++) {
        await walker.fs.mkdir(step);
        await walker.fs.chdir(step);
      }
      const path = `${step.repeat(15)}${'f'.repeat(255)}`;
      expect(path.length).toBe(4095);
      await fs.put(path, 'far away');
      expect(await fs.get(path)).toBe('far away');
      expect(await errno.stat(`./${path}`)).toBe('ENAMETOOLONG');
    });

    test('a deep lower tree is read, copied up and removed at its bottom', async () => {
      const { fs } = stack;
      const bottom = `deep/${'d/'.repeat(DEPTH)}bottom`;
      expect(await fs.get(bottom)).toBe('deep');
      await fs.append(bottom, '+');
      await stack.remount();
      expect(await stack.fs.get(bottom)).toBe('deep+');
      await stack.fs.unlink(bottom);
      expect(await stack.errno.stat(bottom)).toBe('ENOENT');
    });

    test('a tree deeper than a path can say is made and removed', async () => {
      const walker = stack.spawn().fs;
      const step = 'x'.repeat(200);
      for (let depth = 0; depth < 40; depth++) {
        await walker.mkdir(step);
        await walker.chdir(step);
      }
      await walker.put('bottom', 'deep');
      expect(await walker.get('bottom')).toBe('deep');
      await walker.unlink('bottom');
      for (let depth = 0; depth < 40; depth++) {
        await walker.chdir('..');
        await walker.rmdir(step);
      }
      expect(await stack.errno.stat(step)).toBe('ENOENT');
    });
  });
}
