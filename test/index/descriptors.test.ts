/**
 * A mount whose process may have few descriptors, and users who want them all: nothing that is hidden shows, then or at
 * the next mount, and nobody is kept from working by others.
 */
import { root, Scene, type Served, until } from './scene';

const LIMIT = 400;
const MANY = 1000;
/** More than what is read into the page cache at once. */
const FILE_BYTES = 40_000;
const ALICE = 1001;
const BOB = 1002;

/** Python statements, run by a user in the scene's folder with room for many descriptors of its own. */
function as(scene: Scene, uid: number, script: string): string {
  const program = `import os, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (5000, 5000))
def attempt(work, *args):
    try:
        return work(*args)
    except OSError as error:
        return os.strerror(error.errno)
def until_refused(work):
    got = []
    for at in range(${MANY}):
        one = attempt(work, at)
        if isinstance(one, str):
            return len(got), one
        got.append(one)
    return len(got), 'all'
def nameless(at):
    path = f'mnt/tmp/{os.getpid()}-{at}'
    fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
    try:
        os.unlink(path)
    except OSError:
        os.close(fd)
        raise
    return fd
${script}`;
  const user = `setpriv --reuid ${uid} --regid ${uid} --clear-groups`;
  return scene.shell(`${user} /usr/bin/python3 - 2>&1 <<'END'\n${program}\nEND`);
}

(root ? describe : describe.skip)(`a mount with ${LIMIT} descriptors`, () => {
  let scene: Scene;
  let served: Served;
  const options = (): string[] => [
    'upperdir=upper',
    'workdir=work',
    `index=${scene.in('index')}`,
    'allow_other',
  ];

  beforeAll(async () => {
    scene = new Scene(['plain', 'opaque', 'below']);
    scene.shell(`chmod 755 . && mkdir -p {plain,opaque,below}/a/b below/many upper/tmp && chmod 1777 upper/tmp
      setfattr -n trusted.overlay.opaque -v y opaque/a/b && echo hidden > below/a/b/secret
      head -c ${FILE_BYTES} /dev/zero > file
      /usr/bin/python3 -c "import os
for at in range(${MANY}):
    os.mkdir(f'below/many/{at}')
    os.link('file', f'below/many/{at}/f')"
      sleep 0.1`);
    scene.prefix = ['setpriv', '--bounding-set', '-sys_resource', 'prlimit', `--nofile=${LIMIT}:${LIMIT}`];
    served = await scene.serve(...options());
  });
  afterAll(() => scene.close());

  const shown = "ls mnt/a/b; cat mnt/a/b/secret 2>&1 | sed 's/.*: //'";

  test('hides what an opaque directory hides, while all are taken, after it, and on the next mount', async () => {
    const said = as(
      scene,
      ALICE,
      `os.stat('mnt/a/b')
for at in range(${MANY}): os.stat(f'mnt/many/{at}/f')
print(until_refused(lambda at: os.open(f'mnt/many/{at}/f', os.O_RDONLY)))
print(until_refused(nameless)[1])
print(attempt(os.stat, 'mnt/a/b/secret'))`,
    );
    expect(said).toBe(`(${MANY}, 'all')\nToo many open files\nNo such file or directory\n`);
    expect(scene.shell(shown)).toBe('No such file or directory\n');
    await served.unmount();
    served = await scene.serve(...options());
    expect(scene.shell(shown)).toBe('No such file or directory\n');
  });

  test('gives each user a share, and keeps some for root', async () => {
    const said = as(
      scene,
      0,
      `def child(uid):
    gone, told = os.pipe()
    if os.fork() == 0:
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        os.write(told, repr(until_refused(nameless)).encode())
        os.read(hold[0], 1)
        os._exit(0)
    print(os.read(gone, 100).decode())
hold = os.pipe()
child(${ALICE})
child(${BOB})
child(1003)
print(isinstance(nameless(0), int))
print(len(os.listdir('mnt/many')), os.path.getsize('mnt/many/7/f'))
os.write(hold[1], b'123')
while True:
    try: os.wait()
    except ChildProcessError: break`,
    );
    const [alice, bob, carol, ...rest] = said.trim().split('\n');
    const count = (line = ''): number =>
      Number(/^\((\d+), 'Too many open files'\)$/.exec(line)?.[1] ?? Number.NaN);
    expect(count(alice)).toBeGreaterThan(10);
    expect(Math.abs(count(alice) - count(bob))).toBeLessThan(2);
    expect(count(carol)).toBeLessThan(3);
    expect(rest).toEqual(['True', `${MANY} ${FILE_BYTES}`]);
    await until('all are given back', () => served.counters().pinnedDescriptors === 0);
    expect(as(scene, BOB, 'print(isinstance(nameless(0), int))')).toBe('True\n');
    await served.unmount();
  });
});
