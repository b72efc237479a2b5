/**
 * Mounts on top of what a union writes to: the union's own, and others. Neither is shown, written or waited for, as
 * in the kernel's overlayfs, which does the same here as the oracle. With it: whose access times move.
 */
import { chmodSync, chownSync } from 'node:fs';
import { EXIT } from '../../lib/base/exit-codes';
import { Folder } from './program';

const OVERLAY = 'mount -t overlay overlay -o redirect_dir=off,index=off,metacopy=off';
const FILE_SYSTEMS: [string, string, string][] = [
  ['passthrough', 'stratafs mount -o io=passthrough', 'stratafs umount'],
  ['cached', 'stratafs mount -o io=cached', 'stratafs umount'],
];
if (process.arch === 'x64') {
  FILE_SYSTEMS.push(['fuse-native', 'stratafs mount -o transport=fuse-native', 'stratafs umount']);
}

/** What is done on each file system, and all that is said of it: `try` shows how a command ends, within 10 s. */
const SCRIPT = `
exec 2>&1
try() { timeout -s KILL 10 "$@" >/dev/null 2>&1; echo "$1 $?"; }
tree() { echo "$1:"; (cd "$1" && timeout -s KILL 10 find . | LC_ALL=C sort); }
mount -t tmpfs none area && mount --make-shared area && cp -a layers/. area
upper=area/upper
touch -a -d 2001-01-01 $upper/file $upper/mnt
mount --bind other $upper/before
MOUNT,noatime,lowerdir=area/lower,upperdir=$upper,workdir=area/work $upper/mnt
mount --bind other $upper/after
mount --bind other area/lower/lowafter
mkdir $upper/bound && mount --bind $upper/mnt $upper/bound
mnt=$upper/mnt
tree $mnt
try cat $mnt/file; try cat $mnt/mnt/inner; try cat $mnt/mnt/low; try ls $mnt/mnt
try sh -c "echo more >> $mnt/low; echo new > $mnt/mnt/new"
try sh -c "echo new > $mnt/before/new; echo new > $mnt/after/new; echo new > $mnt/lowafter/new"
try rm $mnt/before/own
try rmdir $mnt/mnt; try mv $mnt/mnt $mnt/elsewhere; try mv $mnt/bound $mnt/elsewhere
umount $upper/bound
UMOUNT $mnt
umount $upper/before $upper/after area/lower/lowafter
stat -c '%n %x' $upper/file $upper/mnt
tree other; tree $upper
umount area`;

const folder = new Folder();

function output(mount: string, umount: string): string {
  folder.write('layers/lower/low', 'low');
  folder.write('layers/upper/file', 'upper');
  folder.write('layers/upper/before/own', 'own');
  folder.write('layers/upper/mnt/inner', 'below the mountpoint');
  folder.write('other/theirs', '');
  folder.make('area', 'layers/work', 'layers/lower/lowafter', 'layers/upper/after');
  const { code, out } = folder.script(SCRIPT.replaceAll('UMOUNT', umount).replaceAll('MOUNT,', `${mount},`));
  if (code === null) throw new Error(`hangs: ${out}`);
  return out;
}

let expected: string | null = null;

afterEach(() => {
  folder.script('umount -l area/upper/mnt area/upper/bound area/upper/* area/lower/* area 2>/dev/null');
});

test.each(FILE_SYSTEMS)('%s does as the kernel does', (_, mount, umount) => {
  const does = output(mount, umount);
  expected ??= output(OVERLAY, 'umount');
  expect(does).toBe(expected);
});

test('a crashing daemon is not dumped, into its own mount perhaps', () => {
  folder.write('layers/file', '');
  folder.make('MNT');
  const { out } = folder.script(`
    ulimit -c unlimited
    stratafs mount --lower layers MNT
    pid=$(stratafs ls --json | grep "$PWD/MNT" | tr -d ' "' | grep -o 'pid:[0-9]*' | cut -d: -f2 | tail -1)
    grep -h '^Max core' /proc/$pid/limits | tr -s ' '
    stratafs umount MNT`);
  expect(out).toBe('Max core file size 1 1 bytes \n');
});

test('where layers cannot be detached, a mountpoint inside the upper directory is refused', () => {
  chmodSync(folder.path('.'), 0o755);
  folder.make('lower', 'area/work', 'area/upper/mnt');
  for (const name of ['area', 'area/work', 'area/upper', 'area/upper/mnt']) {
    chownSync(folder.path(name), 1000, 1000);
  }
  const { code, err } = folder.script(`
    stratafs() { XDG_RUNTIME_DIR="$PWD/area" HOME="$PWD/area" setpriv --reuid 1000 --regid 1000 --clear-groups \\
      "${process.execPath}" "${require.resolve('../../daemon/main.js')}" "$@"; }
    stratafs mount -o lowerdir=lower,upperdir=area/upper,workdir=area/work area/upper/mnt`);
  expect({ code, err }).toEqual({
    code: EXIT.BAD_MOUNTPOINT,
    err: expect.stringMatching(
      /^stratafs: the mountpoint lies inside upper directory .*: the mount would wait/,
    ),
  });
  expect(folder.mounts()).toEqual([]);
});
