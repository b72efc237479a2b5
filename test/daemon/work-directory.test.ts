/** What lies in a work directory already: what no union made is never removed, and nothing is before all else is well. */
import { existsSync, readdirSync } from 'node:fs';
import { EXIT } from '../../lib/base/exit-codes';
import { Folder, MAIN, until } from './program';

const folder = new Folder();
const RW = 'lowerdir=base,upperdir=rw,workdir=wk';

beforeEach(() => {
  folder.make('base', 'rw', 'wk', 'MNT');
  folder.write('base/file', 'lower');
});

afterEach(() => {
  folder.script('umount -l wk/work/*/*/mounted 2>/dev/null');
});

function tree(): string {
  return folder.script('cd wk && find . -printf "%P %y %m %U\\n" | LC_ALL=C sort').out;
}

test.each<[string, string, RegExp]>([
  [
    'a file',
    'mkdir -p "wk/work/#1/x" && echo mine > wk/work/notes.txt',
    /wk\/work\/notes\.txt was not made by a union/,
  ],
  [
    'a symlink named work',
    'mkdir away && echo > away/mine && ln -s ../away wk/work',
    /wk\/work was not made by/,
  ],
  [
    'a symlink named incompat',
    'mkdir wk/work && ln -s /tmp wk/work/incompat',
    /work\/incompat was not made by/,
  ],
  ['an unknown feature', 'mkdir -p wk/work/incompat/later', /a feature that is not known .*incompat\/later/],
  [
    'the mark of a volatile mount',
    'mkdir -p wk/work/incompat/volatile',
    /volatile mount that was not unmounted/,
  ],
  [
    'a place for the mark of a volatile mount that cannot be written',
    'mkdir -p wk/work/incompat && chattr +i wk/work/incompat',
    /cannot use work directory .*: EPERM/,
  ],
])('%s is refused and stays', (_, script, message) => {
  folder.script(script);
  const before = tree();
  const { code, err } = folder.run('mount', '-o', `${RW},volatile,index=off`, 'MNT');
  folder.script('chattr -i wk/work/incompat');
  expect({ code, err }).toEqual({ code: EXIT.BAD_LAYER, err: expect.stringMatching(message) });
  expect(folder.mounts()).toEqual([]);
  expect(tree().replace(/^work d 700 0$/m, 'work d 755 0')).toBe(before);
});

test('a refused mount removes nothing that a crash left, and leaves nothing of its own', () => {
  // Without fusermount3 an ordinary user cannot mount; that shows only after all checks.
  const attempt = () =>
    folder.script(`
      chmod 755 . && chown -R 1000:1000 rw wk MNT
      XDG_RUNTIME_DIR="$PWD/rw" HOME="$PWD/rw" PATH=/nowhere exec "$(command -v setpriv)" --reuid 1000 --regid 1000 \\
        --clear-groups "${process.execPath}" "${MAIN}" mount -o ${RW},volatile MNT`).code;
  expect(attempt()).toBe(EXIT.NO_PRIVILEGE);
  expect(readdirSync(folder.path('wk'))).toEqual([]);
  folder.script(
    'mkdir -m 700 wk/work; mkdir -p "wk/work/#5/dir"; echo x > "wk/work/#5/dir/file"; chown -R 1000 wk',
  );
  const before = tree();
  expect(attempt()).toBe(EXIT.NO_PRIVILEGE);
  expect(tree()).toBe(before);
});

test('what a crash left is swept, however deep, and nothing that is mounted in it', async () => {
  folder.script(`
    mkdir -p wk/work/incompat "wk/work/#0" "wk/work/#1f/dir/mounted" "wk/work/#ff" theirs
    echo theirs > theirs/file; mount --bind theirs "wk/work/#1f/dir/mounted"
    echo > "wk/work/#0/up-0"; mkdir "wk/work/#0/up-1"; ln -s ../../../theirs "wk/work/#0/up-1/link"
    python3 - <<'END'
import os
fd = os.open('wk/work/#ff', os.O_RDONLY)
for i in range(1000):
    os.mkdir('deep', 0, dir_fd=fd)
    os.mknod('beside', 0, dir_fd=fd)
    above, fd = fd, os.open('deep', os.O_RDONLY, dir_fd=fd)
    os.close(above)
END`);
  expect(folder.run('mount', '-o', `${RW},volatile`, 'MNT')).toMatchObject({ code: EXIT.OK, err: '' });
  expect(folder.script('echo more >> MNT/file && mkdir MNT/dir && rm MNT/file && ls MNT').out).toBe('dir\n');
  await until('swept', () => readdirSync(folder.path('wk/work')).join() === '#1f,incompat');
  expect(readdirSync(folder.path('wk/work/#1f'))).toEqual(['dir']);
  expect(readdirSync(folder.path('theirs'))).toEqual(['file']);
  expect(existsSync(folder.path('wk/work/incompat/volatile'))).toBe(true);
  expect(folder.run('umount', 'MNT').code).toBe(EXIT.OK);
  folder.script('umount "wk/work/#1f/dir/mounted"');
  expect(folder.run('mount', '-o', RW, 'MNT')).toMatchObject({ code: EXIT.OK, err: '' });
  await until('swept', () => readdirSync(folder.path('wk/work')).length === 0);
});
