/** A mount without an upper layer: everything is read, nothing is written. */
import { O_CREAT, O_RDONLY, O_RDWR, O_TMPFILE, O_TRUNC, O_WRONLY } from '../../lib/vfs/flags';
import { dir, file, symlink, whiteout } from '../support/layers';
import type { Operation } from '../support/operations';
import { useStack } from '../support/stack';
import type { Target } from '../support/targets';

const WRITES: Operation[] = [
  ['open', 'file', O_WRONLY],
  ['open', 'file', O_RDWR],
  ['open', 'file', O_RDONLY | O_TRUNC],
  ['open', 'new', O_CREAT | O_WRONLY],
  ['open', 'folder', O_TMPFILE | O_RDWR],
  ['truncate', 'file', 0],
  ['mkdir', 'new'],
  ['mknod', 'new', 'fifo'],
  ['symlink', 'x', 'new'],
  ['link', 'file', 'new'],
  ['unlink', 'file'],
  ['rmdir', 'folder/empty'],
  ['rename', 'file', 'new'],
  ['chmod', 'file', 0o600],
  ['chown', 'file', 0, 0],
  ['utimens', 'file', 'now', 'now'],
  ['setxattr', 'file', 'user.x', 'x'],
  ['removexattr', 'file', 'user.tag'],
];

export function readOnlySuite(target: Target): void {
  describe('read-only', () => {
    const stack = useStack(target, {
      upper: null,
      lowers: [
        { file: file('content', { xattrs: { 'user.tag': 't' } }), 'folder/empty': dir(), gone: whiteout() },
        { gone: file(), 'folder/child': file('child'), link: symlink('file') },
      ],
    });

    test('everything is read', async () => {
      const { fs } = stack;
      expect(await fs.names('.')).toEqual(['file', 'folder', 'link']);
      expect(await fs.names('folder')).toEqual(['child', 'empty']);
      expect(await fs.get('link')).toBe('content');
      expect(await fs.getxattr('file', 'user.tag')).toBe('t');
      expect((await fs.statfs('.')).namelen).toBe(255);
    });

    test.each(WRITES)('%s %s is EROFS', async (...operation) => {
      const [outcome] = await stack.actor.batch([operation as Operation]);
      expect(outcome).toEqual({ errno: 'EROFS' });
    });

    test('what exists and what does not is told before what is forbidden', async () => {
      const { errno } = stack;
      expect(await errno.mkdir('file')).toBe('EEXIST');
      expect(await errno.stat('absent')).toBe('ENOENT');
      expect(await errno.open('file', O_CREAT | O_RDONLY)).toBe('OK');
      expect(await errno.get('gone')).toBe('ENOENT');
    });
  });

  describe('read-only by option', () => {
    const stack = useStack(target, {
      lowers: [{ file: file('content') }],
      upper: { upper: file('u') },
      options: ['ro'],
    });

    test('the upper layer is read and not written', async () => {
      const { fs, errno } = stack;
      expect(await fs.get('upper')).toBe('u');
      expect(await errno.append('upper', 'x')).toBe('EROFS');
      expect(await errno.put('new', 'x')).toBe('EROFS');
      expect(await errno.unlink('file')).toBe('EROFS');
    });
  });
}
