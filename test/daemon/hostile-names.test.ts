/**
 * Names are other people's. Whatever is in the name of a layer, a mountpoint, a file, an option or a process, no
 * control character of it reaches standard output, standard error or the log.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { EXIT } from '../../lib/base/exit-codes';
import { type Finished, Folder, MAIN, until } from './program';

const folder = new Folder();

/** A name in bash's words: ESC, a newline, DEL, CSI in C1, a turned direction, a byte that is no UTF-8. */
const BASH = "$'N\\x1b[31m\\x0a\\x7f\\xc2\\x9b1m\\xe2\\x80\\xae\\xff\\\\'";
/** As it must be shown. */
const SHOWN = 'N\\x1b[31m\\x0a\\x7f\\xc2\\x9b1m\\xe2\\x80\\xae\\xff\\\\';
const FORBIDDEN = /(?!\n)[\p{Cc}\p{Bidi_Control}\ufffd]/u;

function expectHarmless({ out, err }: Finished): void {
  expect(out).not.toMatch(FORBIDDEN);
  expect(err).not.toMatch(FORBIDDEN);
}

beforeEach(() => folder.make('base', 'rw', 'wk', 'MNT'));

test.each([
  ['a missing layer', 'mount --lower $N MNT', EXIT.BAD_LAYER],
  ['a missing upper directory', 'mount --lower base --upper $N --work wk MNT', EXIT.BAD_LAYER],
  ['a missing mountpoint', 'mount --lower base $N', EXIT.BAD_MOUNTPOINT],
  ['too many arguments', 'mount --lower base a b $N', EXIT.USAGE],
  ['an unknown flag', 'mount --lower base --$N MNT', EXIT.USAGE],
  ['an unknown option', 'mount -o lowerdir=base,$N MNT', EXIT.USAGE],
  ['a wrong value', 'mount --lower base --io $N MNT', EXIT.USAGE],
  ['a value too much', 'mount -o lowerdir=base,ro=$N MNT', EXIT.USAGE],
  ['a log file that cannot be', 'mount --lower base --log-file $N/log MNT', EXIT.USAGE],
  ['a command that is none', 'index $N', EXIT.USAGE],
  ['umount of no mount', 'umount $N', EXIT.NOT_MOUNTED],
  ['status of no mount', 'status $N', EXIT.NOT_MOUNTED],
  ['an index that is not there', 'index stat $N', EXIT.FAILURE],
  ['no index to drop', 'index drop $N', EXIT.FAILURE],
  ['an index of a missing layer', 'index warm --lower $N --index dir', EXIT.BAD_LAYER],
])('%s', (_, words, code) => {
  const finished = folder.script(
    `N=${BASH}; stratafs ${words.replace('$N', '"$N"').replace('--"$N"', '"--$N"')}`,
  );
  expectHarmless(finished);
  expect(finished.err).toMatch(/^stratafs: .*\n$/);
  expect(finished.code).toBe(code);
});

test('the commands on a mount whose directories are named so', () => {
  const finished = folder.script(`
    set -e
    N=${BASH}
    mkdir "$N" "$N/low" "$N/rw" "$N/wk" "$N/mnt"
    stratafs index warm --lower "$N/low" --index "$N/index"
    stratafs index stat "$N/index"
    stratafs index stat --json "$N/index"
    stratafs mount --lower "$N/low" --upper "$N/rw" --work "$N/wk" --log-file "log" "$N/mnt"
    mkdir "$N/mnt/$N"
    stratafs ls | grep N.x1b
    stratafs ls --json | grep N.u001b > json
    stratafs status "$N/mnt" > /dev/null
    stratafs mount --lower base "$N/mnt" || echo refused >&2
    stratafs mount --lower base --upper "$N/rw" --work wk MNT || echo refused >&2
    cp "$(command -v sleep)" "$N/$N"
    ( cd "$N/mnt" && exec "../$N" 30 ) & holder=$!
    until grep -q 31m /proc/$holder/comm; do :; done
    mount --bind base "$N/mnt/$N"
    stratafs umount "$N/mnt" || echo busy >&2
    umount "$N/mnt/$N"
    kill $holder; wait $holder || :
    stratafs umount "$N/mnt"
  `);
  expectHarmless(finished);
  expect(finished.code).toBe(0);
  expect(finished.out).toContain(`/${SHOWN}/mnt `);
  expect(finished.err).toContain(`${SHOWN.slice(0, 8)}`);
  expect(finished.err.match(/refused/g)).toHaveLength(2);
  expect(finished.err).toMatch(
    /busy: in use by N\\x1b\[31m\\x0a\\x7f.* \(pid \d+\), the mount on .*\nbusy\n/,
  );
  const log = readFileSync(folder.path('log'), 'utf8');
  expect(log).not.toMatch(FORBIDDEN);
  expect(
    log
      .trim()
      .split('\n')
      .every((line) => JSON.parse(line).level > 0),
  ).toBe(true);
  const { record } = JSON.parse(readFileSync(folder.path('json'), 'utf8'));
  const raw = Buffer.from(record.config.mountpoint, 'latin1');
  expect(raw.toString('latin1')).toContain('/N\x1b[31m\n\x7f\xc2\x9b1m\xe2\x80\xae\xff\\/mnt');
});

test('the log of a mount in the foreground, on a terminal', async () => {
  folder.script(`N=${BASH}; echo x > "base/$N"; setfattr -n trusted.overlay.metacopy "base/$N"`);
  folder.script('setfattr -n trusted.overlay.impure -v y base');
  const output = folder.path('terminal');
  const pty =
    'import os, pty, sys; f = open(sys.argv[1], "wb", 0)\n' +
    'pty.spawn(sys.argv[2:], lambda fd: (lambda d: (f.write(d), d)[1])(os.read(fd, 4096)))';
  folder.hold('python3', '-c', pty, output, process.execPath, MAIN, 'mount', '-f', '--lower', 'base', 'MNT');
  await until('it is mounted', () => folder.mounts().length === 1);
  folder.script(`N=${BASH}; cat "MNT/$N"`);
  const text = (): string => readFileSync(output, 'utf8');
  await until('the line is there', () => text().includes('metacopy'));
  execFileSync('umount', [folder.mounts()[0]!]);
  expect(text()).toContain(SHOWN);
  // Colours are our own.
  expect(
    text()
      .replaceAll('\r\n', '\n')
      .split(new RegExp(`${String.fromCharCode(0x1b)}\\[\\d+m`))
      .join(''),
  ).not.toMatch(FORBIDDEN);
});
