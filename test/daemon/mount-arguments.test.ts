import { type MountWords, readMountWords } from '../../daemon/cli/mount-arguments';
import { UserError } from '../../lib/base/errors';
import { EXIT } from '../../lib/base/exit-codes';

type Given = { [K in keyof MountWords]?: K extends 'flags' ? Record<string, string | null> : string[] };

function read({ flags = {}, ...rest }: Given) {
  const words = { options: [], lowers: [], uppers: [], works: [], positionals: ['/m'], ...rest };
  return readMountWords({ ...words, flags: new Map(Object.entries(flags)) } as unknown as MountWords);
}

function refusal(given: Given): UserError {
  try {
    read(given);
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error('was not refused');
}

describe("a mount's command line", () => {
  test('--lower is oldest first, lowerdir= newest first', () => {
    expect(read({ lowers: ['/base', '/app'] }).config.lowers).toEqual(['/app', '/base']);
    expect(read({ options: ['lowerdir=/app:/base'] }).config.lowers).toEqual(['/app', '/base']);
  });

  test('paths become absolute, their bytes stay', () => {
    const here = process.cwd();
    const { config } = read({ options: ['lowerdir=l\xff,upperdir=u\\,x,workdir=w'], positionals: ['m'] });
    expect(config.lowers).toEqual([`${here}/l\xff`]);
    expect(config.upper).toBe(`${here}/u,x`);
    expect(config.work).toBe(`${here}/w`);
    expect(config.mountpoint).toBe(`${here}/m`);
  });

  test('options are the same inside -o and as flags', () => {
    const inside = read({
      options: [
        'lowerdir=/a,ro,noatime,nosuid,nodev,noexec,volatile',
        'fsync=never,xino,io=cached,userxattr',
      ],
    });
    const flags = { ro: null, noatime: null, nosuid: null, nodev: null, noexec: null, volatile: null };
    const outside = read({
      lowers: ['/a'],
      flags: { ...flags, fsync: 'never', xino: 'on', io: 'cached', userxattr: null },
    });
    expect(inside).toEqual(outside);
    expect(inside.config).toMatchObject({
      readOnly: true,
      noatime: true,
      nosuid: true,
      nodev: true,
      noexec: true,
      volatile: true,
      fsync: 'never',
      xino: true,
      io: 'cached',
      userxattr: true,
    });
  });

  test("mount(8)'s own words inside -o are no options of ours", () => {
    const fstab =
      'defaults,noauto,nofail,_netdev,user,relatime,x-systemd.automount,X-mount.mkdir=0755,comment=c';
    expect(read({ options: [`lowerdir=/a,${fstab}`] })).toEqual(read({ options: ['lowerdir=/a'] }));
    expect(refusal({ lowers: ['/a'], flags: { nofail: null } }).message).toMatch(/unknown option nofail/);
    for (const other of ['remount', 'lazytime', 'redirect_dir=on', 'xx-foo']) {
      expect(refusal({ options: [`lowerdir=/a,${other}`] }).message).toMatch(/unknown option/);
    }
  });

  test('defaults', () => {
    const { config, foreground } = read({ lowers: ['/a'] });
    expect(foreground).toBe(false);
    expect(config).toMatchObject({
      source: 'stratafs',
      upper: null,
      work: null,
      readOnly: false,
      allowOther: null,
      fsync: 'auto',
      io: 'auto',
      xino: false,
      nosuid: false,
      logLevel: 'info',
      logFile: null,
    });
  });

  test('of opposites in -o the later one holds', () => {
    expect(read({ options: ['lowerdir=/a,ro,rw'] }).config.readOnly).toBe(false);
    expect(read({ options: ['lowerdir=/a,suid', 'nosuid'] }).config.nosuid).toBe(true);
    expect(read({ options: ['lowerdir=/a,,dev,,suid,'] }).config).toMatchObject({
      nodev: false,
      nosuid: false,
    });
  });

  test('SOURCE MOUNTPOINT, as mount(8) calls its helpers', () => {
    const { config } = read({ lowers: ['/a'], positionals: ['layers', '/m'] });
    expect(config).toMatchObject({ source: 'layers', mountpoint: '/m' });
  });

  test.each<[string, Given, RegExp]>([
    ['no lower layer', {}, /no lower layer/],
    ['no mountpoint', { lowers: ['/a'], positionals: [] }, /no mountpoint/],
    ['an empty mountpoint', { lowers: ['/a'], positionals: [''] }, /no mountpoint/],
    ['three positionals', { lowers: ['/a'], positionals: ['a', 'b', 'c'] }, /too many arguments: a b c/],
    ['upper without work', { lowers: ['/a'], uppers: ['/u'] }, /needs a work directory/],
    ['work without upper', { lowers: ['/a'], works: ['/w'] }, /without an upper/],
    ['lowers twice', { lowers: ['/a'], options: ['lowerdir=/b'] }, /lower layers are given twice/],
    [
      'upper twice',
      { lowers: ['/a'], uppers: ['/u', '/v'], works: ['/w'] },
      /upper directory is given twice/,
    ],
    ['an empty layer', { options: ['lowerdir=/a::/b'] }, /empty path/],
    ['an empty lowerdir', { options: ['lowerdir='] }, /empty path/],
    ['lowerdir without value', { options: ['lowerdir'] }, /lowerdir needs a value/],
    ['an unknown option', { options: ['lowerdir=/a,frob=1'] }, /unknown option frob/],
    ['an unknown bare option', { options: ['lowerdir=/a,frob'] }, /unknown option frob/],
    ['a value that is none', { options: ['lowerdir=/a,fsync=often'] }, /fsync cannot be 'often'/],
    ['a missing value', { options: ['lowerdir=/a,fsync'] }, /fsync needs a value/],
    ['a value too many', { options: ['lowerdir=/a,ro=1'] }, /ro takes no value/],
    ['--ro and --rw', { lowers: ['/a'], flags: { ro: null, rw: null } }, /contradict/],
  ])('refuses %s', (_, given, message) => {
    const error = refusal(given);
    expect(error.exitCode).toBe(EXIT.USAGE);
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain('\n');
  });
});
