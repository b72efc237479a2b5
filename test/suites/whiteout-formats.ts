/** Whiteouts and opaque directories as container images bring them: `.wh.NAME` and `.wh..wh..opq`. */
import { file, type Layer, whiteout } from '../support/layers';
import { useStack } from '../support/stack';
import type { Target } from '../support/targets';

/** So many names that a directory of them is not listed for one lookup. */
const MANY = 4500;
const many: Layer = Object.fromEntries(Array.from({ length: MANY }, (_, at) => [`big/old${at}`, file()]));

export function whiteoutFormatsSuite(target: Target): void {
  if (!target.traits.ociWhiteouts) return;

  describe('whiteout formats', () => {
    const stack = useStack(target, {
      lowers: [
        {
          '.wh.file': file(),
          '.wh.folder': file(),
          'opaque/.wh..wh..opq': file(),
          'opaque/new': file('new'),
          'mixed/.wh.oci': file(),
          'mixed/char': whiteout(),
          'mixed/shown': file('shown'),
        },
        {
          file: file('f'),
          'folder/child': file('c'),
          'opaque/old': file('old'),
          'mixed/oci': file('o'),
          'mixed/char': file('c'),
          'mixed/kept': file('k'),
        },
      ],
    });

    test('a .wh. file hides its name and itself', async () => {
      const { fs, errno } = stack;
      for (const path of [
        'file',
        'folder',
        'folder/child',
        '.wh.file',
        '.wh.folder',
        'mixed/oci',
        'mixed/char',
      ]) {
        expect([path, await errno.stat(path)]).toEqual([path, 'ENOENT']);
      }
      expect(await fs.names('.')).toEqual(['mixed', 'opaque']);
      expect(await fs.names('mixed')).toEqual(['kept', 'shown']);
    });

    test('.wh..wh..opq ends the merge', async () => {
      const { fs, errno } = stack;
      expect(await fs.names('opaque')).toEqual(['new']);
      expect(await errno.stat('opaque/old')).toBe('ENOENT');
      expect(await errno.stat('opaque/.wh..wh..opq')).toBe('ENOENT');
    });

    test('hidden names can be made anew and deleted again', async () => {
      const { fs } = stack;
      await fs.put('file', 'new');
      await fs.mkdir('folder');
      await fs.unlink('mixed/kept');
      await stack.remount();
      expect(await stack.fs.get('file')).toBe('new');
      expect(await stack.fs.names('folder')).toEqual([]);
      await stack.fs.unlink('file');
      await stack.remount();
      expect(await stack.fs.names('.')).toEqual(['folder', 'mixed', 'opaque']);
      expect(await stack.fs.names('mixed')).toEqual(['shown']);
    });
  });

  describe('whiteout formats in a big directory', () => {
    const stack = useStack(target, {
      lowers: [
        { 'big/.wh.middle': file() },
        { 'big/.wh..wh..opq': file(), 'big/new': file(), 'big/middle': file() },
        many,
      ],
    });

    test.each(['first', 'second'])('hold for names that are looked up unlisted, %s mount', async () => {
      const { errno } = stack;
      for (const path of ['big/old4321', 'big/middle', 'big/.wh..wh..opq', 'big/.wh.middle']) {
        expect([path, await errno.stat(path)]).toEqual([path, 'ENOENT']);
      }
      expect(await errno.stat('big/new')).toBe('OK');
      await stack.remount();
    });
  });
}
