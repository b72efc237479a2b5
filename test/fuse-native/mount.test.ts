import {
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { ServedMount } from './served-mount';

const CLEAN = { handles: '', lookups: 0, destroyed: true };

let mount: ServedMount;
beforeEach(async () => {
  mount = await ServedMount.start('memory-server.js');
});
afterEach(() => mount.abandon());

/** Ends the mount: nothing may be left behind, and nothing may have failed. */
async function endClean(): Promise<void> {
  expect(JSON.parse(await mount.unmount())).toEqual(CLEAN);
  expect(mount.errors).not.toMatch(/"level":[56]0/);
}

test('it shows as fuse.stratafs with its source', async () => {
  const line = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .find((each) => each.includes(mount.mountpoint));
  expect(line).toMatch(/^memory,test \S+ fuse\.stratafs rw,nosuid,.*default_permissions,allow_other/);
  await endClean();
});

test('names and symlinks of any bytes pass', async () => {
  const result = await mount.python(`
import os, json
names = [b'\\xff\\xfe', 'é\\ufffd'.encode(), b'n' + b'\\x80' * 254, b' %s\\n"']
for name in names: open(name, 'w').write('x')
os.symlink(b'to/\\xc3\\x28', b'l\\xe9')
os.rename(names[0], b'moved\\xff')
listed = set(os.listdir(b'.'))
print(json.dumps([listed == set(names[1:] + [b'moved\\xff', b'l\\xe9']), os.readlink(b'l\\xe9').hex()]))`);
  expect(result).toEqual([true, Buffer.from('to/\xc3\x28', 'latin1').toString('hex')]);
  await endClean();
});

test('a target too long for the binding is refused, not cut', async () => {
  const errnos = await mount.python(`
import os, json
os.symlink(b'\\xff' * 2048, 'fits')
try: os.symlink(b'\\xff' * 2049, 'long')
except OSError as e: print(json.dumps([os.readlink(b'fits') == b'\\xff' * 2048, e.errno]))`);
  expect(errnos).toEqual([true, 36]);
  await endClean();
});

describe('times', () => {
  test('touch -m and touch -a change one time each', async () => {
    await mount.shell('touch f; touch -d @1000.5 f; touch -m -d @2000.25 f');
    const first = statSync(mount.path('f'));
    expect([first.atimeMs, first.mtimeMs]).toEqual([1000_500, 2000_250]);
    await mount.shell('touch -a -d @3000.125 f');
    const second = statSync(mount.path('f'));
    expect([second.atimeMs, second.mtimeMs]).toEqual([3000_125, 2000_250]);
    await endClean();
  });

  test('both times at once are kept apart, and now is now', async () => {
    await mount.shell('touch f');
    utimesSync(mount.path('f'), 11, 22);
    const { atimeMs, mtimeMs } = statSync(mount.path('f'));
    expect([atimeMs, mtimeMs]).toEqual([11_000, 22_000]);
    await mount.shell('touch f');
    expect(Math.abs(statSync(mount.path('f')).mtimeMs - Date.now())).toBeLessThan(60_000);
    await endClean();
  });

  test('cp -p and tar x keep mtime', async () => {
    const out = await mount.shell(`
      echo data > a; touch -d '2001-02-03 04:05:06.5' a; cp -p a b
      tar -cf t.tar a; rm a; tar -xf t.tar
      stat -c %Y a b; TZ=UTC stat -c %y b`);
    const [a, b, text] = out.trim().split('\n');
    expect([a, b]).toEqual(['981173106', '981173106']);
    expect(text).toBe('2001-02-03 04:05:06.500000000 +0000');
    await endClean();
  });
});

describe('the caller', () => {
  test('owns what he makes, with his umask', async () => {
    const owners = await mount.python(`
import os, json
os.chmod('.', 0o777)
r, w = os.pipe()
if os.fork() == 0:
    os.setgid(77); os.setuid(66); os.umask(0o027)
    open('file', 'w'); os.mkdir('dir'); os.mkfifo('fifo'); os.mknod('node', 0o666); os.symlink('x', 'link')
    os._exit(0)
os.wait()
stats = [os.lstat(n) for n in ('file', 'dir', 'fifo', 'node', 'link')]
print(json.dumps([[s.st_uid, s.st_gid, oct(s.st_mode & 0o777)] for s in stats]))`);
    expect(owners).toEqual([
      [66, 77, '0o640'],
      [66, 77, '0o750'],
      [66, 77, '0o640'],
      [66, 77, '0o640'],
      [66, 77, '0o777'],
    ]);
    await endClean();
  });

  test('is held to permissions by the kernel', async () => {
    const errnos = await mount.python(`
import os, json
open('secret', 'w'); os.chmod('secret', 0o600); os.chmod('.', 0o755)
r, w = os.pipe()
if os.fork() == 0:
    os.setgid(77); os.setuid(66)
    errnos = []
    for attempt in (lambda: open('secret'), lambda: os.mkdir('d'), lambda: os.chmod('secret', 0o777)):
        try: attempt()
        except OSError as e: errnos.append(e.errno)
    os.write(w, json.dumps(errnos).encode()); os._exit(0)
os.wait()
print(os.read(r, 100).decode())`);
    expect(errnos).toEqual([13, 13, 1]);
    await endClean();
  });
});

describe('open files', () => {
  test('outlive unlink(2), under no name', async () => {
    const result = await mount.python(`
import os, json
f = open('f', 'w+'); f.write('kept'); f.flush(); os.unlink('f')
listed = os.listdir('.')
f.write(' on'); f.flush(); os.fsync(f.fileno()); f.seek(0)
print(json.dumps([listed, f.read(), os.fstat(f.fileno()).st_nlink]))`);
    expect(result).toEqual([[], 'kept on', 0]);
    await endClean();
  });

  test('outlive rename(2) onto them', async () => {
    const result = await mount.python(`
import os, json
f = open('old', 'w+'); f.write('was'); f.flush(); open('new', 'w').write('is')
os.rename('new', 'old'); f.seek(0)
print(json.dumps([f.read(), open('old').read(), os.listdir('.')]))`);
    expect(result).toEqual(['was', 'is', ['old']]);
    await endClean();
  });

  test('keep their directory: rmdir and rename onto it are EBUSY until they are closed', async () => {
    const result = await mount.python(`
import os, json
os.mkdir('d'); os.mkdir('e'); f = open('d/f', 'w'); os.unlink('d/f'); errnos = []
for attempt in (lambda: os.rmdir('d'), lambda: os.rename('e', 'd')):
    try: attempt()
    except OSError as e: errnos.append(e.errno)
f.close()
import time; time.sleep(0.2); os.rmdir('d')
print(json.dumps([errnos, os.listdir('.')]))`);
    expect(result).toEqual([[16, 16], ['e']]);
    await endClean();
  });

  test('create with O_EXCL is EEXIST, O_TRUNC truncates, O_APPEND appends', async () => {
    const result = await mount.python(`
import os, json
open('f', 'w').write('12345')
try: os.open('f', os.O_CREAT | os.O_EXCL | os.O_WRONLY)
except OSError as e: errno = e.errno
open('f', 'a').write('6'); appended = open('f').read()
open('f', 'w').close()
print(json.dumps([errno, appended, os.stat('f').st_size]))`);
    expect(result).toEqual([17, '123456', 0]);
    await endClean();
  });
});

test('a file with two names is one file', async () => {
  writeFileSync(mount.path('a'), 'one');
  linkSync(mount.path('a'), mount.path('b'));
  expect(statSync(mount.path('b')).ino).toBe(statSync(mount.path('a')).ino);
  // Same size, again and again: nothing but the content changes.
  for (const text of ['two', 'six', 'ten']) {
    writeFileSync(mount.path('a'), text, { flag: 'r+' });
    expect(readFileSync(mount.path('b'), 'utf8')).toBe(text);
  }
  writeFileSync(mount.path('b'), ' more', { flag: 'a' });
  expect(statSync(mount.path('a'))).toMatchObject({ size: 8, nlink: 2 });
  expect(readFileSync(mount.path('a'), 'utf8')).toBe('ten more');
  await endClean();
});

test('large data, listings and sizes are whole', async () => {
  const result = await mount.python(`
import os, json
data = os.urandom(5 << 20)
open('big', 'wb').write(data)
os.truncate('sparse.tmp' if os.path.exists('sparse.tmp') else 'big', 5 << 20)
with open('far', 'wb') as f: f.seek(6 << 30); f.write(b'end')
os.mkdir('many')
for i in range(3000): open('many/%d' % i, 'w').close()
types = {e.is_file() and e.inode() == os.stat(e.path).st_ino for e in os.scandir('many')}
print(json.dumps([open('big', 'rb').read() == data, os.stat('far').st_size, len(os.listdir('many')), list(types)]))`);
  expect(result).toEqual([true, 6 * 2 ** 30 + 3, 3000, [true]]);
  await endClean();
});

test('xattrs of any name and size, but no ACLs', async () => {
  const result = await mount.python(`
import os, json, struct
open('f', 'w')
anyone = 0xffffffff
acl = struct.pack('<I' + 'HHI' * 5, 2, 1, 6, anyone, 2, 6, 7, 4, 4, anyone, 16, 6, anyone, 32, 4, anyone)
name = b'user.\\xff'
os.setxattr('f', name, b''); empty = os.getxattr('f', name) == b''
os.setxattr('f', name, b'v' * 60000); long = os.getxattr('f', name) == b'v' * 60000
listed = [os.fsencode(n) == name for n in os.listxattr('f')]
os.removexattr('f', name); errnos = []
for attempt in (lambda: os.getxattr('f', name), lambda: os.removexattr('f', name),
                lambda: os.setxattr('f', 'system.posix_acl_access', acl)):
    try: attempt()
    except OSError as e: errnos.append(e.errno)
print(json.dumps([empty, long, listed, errnos]))`);
  expect(result).toEqual([true, true, [true], [61, 61, 95]]);
  await endClean();
});

test('a request that waits for a job lets others by', async () => {
  const result = await mount.python(`
import os, json, threading, time
f = open('f', 'w'); f.write('x'); f.flush()
began = time.monotonic()
waiters = [threading.Thread(target=os.fsync, args=(f.fileno(),)) for _ in range(3)]
for w in waiters: w.start()
os.listdir('.'); listed = time.monotonic() - began
for w in waiters: w.join()
print(json.dumps([listed < 0.03 or listed, time.monotonic() - began >= 0.03]))`);
  expect(result).toEqual([true, true]);
  await endClean();
});

test('many callers at once get their own answers', async () => {
  const out = await mount.shell(`
    for i in $(seq 12); do (mkdir d$i; for j in $(seq 20); do echo $i-$j > d$i/f$j; done; cat d$i/f*) | sort > o$i & done
    wait; cat o* | sort -u | wc -l; ls d7 | wc -l; cat d7/f13`);
  expect(out.trim().split(/\s+/)).toEqual(['240', '20', '7-13']);
  expect(readdirSync(mount.mountpoint)).toHaveLength(24);
  await endClean();
});

test('a stop detaches the mount, busy or not', async () => {
  const busy = mount.shell('touch here; sleep 1');
  while (!existsSync(mount.path('here'))) await sleep(20);
  expect(JSON.parse(await mount.stop())).toEqual(CLEAN);
  await busy;
  expect(readFileSync('/proc/mounts', 'utf8')).not.toContain(mount.mountpoint);
});
