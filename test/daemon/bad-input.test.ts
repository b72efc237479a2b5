/** Every way to call stratafs wrongly: one line on standard error, the exit code, and nothing made. */
import { readdirSync, symlinkSync } from 'node:fs';
import { EXIT, type ExitCode } from '../../lib/base/exit-codes';
import { Folder } from './program';

const folder = new Folder();

beforeEach(() => {
  folder.make('base/inner', 'rw/inner', 'wk/inner', 'MNT');
  folder.write('file', '');
});

const RW = ['--upper', 'rw', '--work', 'wk'];

test.each<[string, string[], ExitCode, RegExp]>([
  ['nothing', [], EXIT.USAGE, /no lower layer given/],
  ['an unknown flag', ['mount', '--frob', '--lower', 'base', 'MNT'], EXIT.USAGE, /Unknown argument: frob/],
  ['an unknown option', ['mount', '-o', 'lowerdir=base,frob', 'MNT'], EXIT.USAGE, /unknown option frob/],
  ['an unknown option without the word', ['-o', 'lowerdir=base,frob=1', 'MNT'], EXIT.USAGE, /option frob/],
  ['a flag without its value', ['mount', '--lower'], EXIT.USAGE, /lower/],
  ['no mountpoint', ['mount', '--lower', 'base'], EXIT.USAGE, /no mountpoint/],
  ['upper without work', ['mount', '--lower', 'base', '--upper', 'rw', 'MNT'], EXIT.USAGE, /work directory/],
  ['contradiction', ['mount', '--ro', '--rw', '--lower', 'base', 'MNT'], EXIT.USAGE, /contradict/],
  [
    'too many layers',
    ['mount', '-o', `lowerdir=${Array(501).fill('base').join(':')}`, 'MNT'],
    EXIT.USAGE,
    /501 lower layers are too many/,
  ],
  [
    'a missing layer',
    ['mount', '--lower', 'none', 'MNT'],
    EXIT.BAD_LAYER,
    /lower layer .*none does not exist/,
  ],
  ['a file as layer', ['mount', '--lower', 'file', 'MNT'], EXIT.BAD_LAYER, /file is not a directory/],
  [
    'a missing upper',
    ['mount', '--lower', 'base', '--upper', 'none', '--work', 'wk', 'MNT'],
    EXIT.BAD_LAYER,
    /upper directory .*none does not exist/,
  ],
  [
    'a missing work directory',
    ['mount', '--lower', 'base', '--upper', 'rw', '--work', 'none', 'MNT'],
    EXIT.BAD_LAYER,
    /work directory .*none does not exist/,
  ],
  [
    'upper = work',
    ['mount', '--lower', 'base', '--upper', 'rw', '--work', 'rw', 'MNT'],
    EXIT.BAD_LAYER,
    /are the same directory/,
  ],
  [
    'work in upper',
    ['mount', '--lower', 'base', '--upper', 'rw', '--work', 'rw/inner', 'MNT'],
    EXIT.BAD_LAYER,
    /lies inside upper directory/,
  ],
  [
    'upper in work',
    ['mount', '--lower', 'base', '--upper', 'wk/inner', '--work', 'wk', 'MNT'],
    EXIT.BAD_LAYER,
    /lies inside work directory/,
  ],
  [
    'upper in lower',
    ['mount', '--lower', 'base', '--upper', 'base/inner', '--work', 'wk', 'MNT'],
    EXIT.BAD_LAYER,
    /lies inside lower layer/,
  ],
  ['lower in upper', ['mount', '--lower', 'rw/inner', ...RW, 'MNT'], EXIT.BAD_LAYER, /lies inside upper/],
  ['lower in work', ['mount', '--lower', 'wk/inner', ...RW, 'MNT'], EXIT.BAD_LAYER, /lies inside work/],
  ['upper = lower', ['mount', '--lower', 'rw', ...RW, 'MNT'], EXIT.BAD_LAYER, /are the same directory/],
  [
    'work elsewhere',
    ['mount', '--lower', 'base', '--upper', 'rw', '--work', '/proc/self', 'MNT'],
    EXIT.BAD_LAYER,
    /different file systems/,
  ],
  ['a missing mountpoint', ['mount', '--lower', 'base', 'none'], EXIT.BAD_MOUNTPOINT, /none does not exist/],
  [
    'a file as mountpoint',
    ['mount', '--lower', 'base', 'file'],
    EXIT.BAD_MOUNTPOINT,
    /file is not a directory/,
  ],
  [
    'a log file that cannot be',
    ['mount', '--log-file', 'none/log', '--lower', 'base', 'MNT'],
    EXIT.USAGE,
    /cannot write the log file/,
  ],
  ['umount of nothing', ['umount'], EXIT.USAGE, /Not enough non-option arguments/],
  ['umount of no mount', ['umount', 'MNT'], EXIT.NOT_MOUNTED, /MNT is not a stratafs mount/],
  ['umount of a missing path', ['umount', 'none/none'], EXIT.NOT_MOUNTED, /is not a stratafs mount/],
  ['status of no mount', ['status', 'MNT'], EXIT.NOT_MOUNTED, /MNT is not a stratafs mount/],
])('%s', (_, args, code, message) => {
  const finished = folder.run(...args);
  expect(finished.err).toMatch(/^stratafs: .*\n$/);
  expect(finished.err).toMatch(message);
  expect(finished.code).toBe(code);
  expect(finished.out).toBe('');
  expect(folder.mounts()).toEqual([]);
  expect(readdirSync(folder.path('wk'))).toEqual(['inner']);
});

test('the same directory by another name is the same directory', () => {
  symlinkSync('rw', folder.path('alias'));
  const finished = folder.run('mount', '--lower', 'alias', ...RW, 'MNT');
  expect(finished).toMatchObject({ code: EXIT.BAD_LAYER, err: expect.stringMatching(/same directory/) });
});

test('--help and --version', () => {
  expect(folder.run('--version')).toMatchObject({
    code: EXIT.OK,
    out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
  });
  for (const command of ['mount', 'umount', 'ls', 'status']) {
    const { code, out, err } = folder.run(command, '--help');
    expect({ code, err }).toEqual({ code: EXIT.OK, err: '' });
    expect(out).toMatch(/Examples:/);
  }
});
