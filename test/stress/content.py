"""
Reads, writes and lists the files of a mount from many processes, and checks every read against what was written.

Usage: content.py DIRECTORY OPERATIONS SECONDS SEED. Prints a JSON object: operations, checked, wrong (the first few).

A file's content is one pattern, 8 digits and a newline, again and again. Each file has one writer, which says in shared
memory when it begins a change, and when it has finished it, to which pattern and length. A reader that saw no change
under way from before its open to after its read must have read exactly that; any reader must have read no pattern
that is older than the one finished before its open.
"""
import json, mmap, os, random, sys, time

directory, operations, seconds, seed = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
os.chdir(directory)
files = sorted(f'{at}/{name}' for at in os.listdir('.') for name in os.listdir(at))
STARTED, FINISHED, PATTERN, LENGTH = range(4)
state = memoryview(mmap.mmap(-1, len(files) * 32)).cast('q')
for at, path in enumerate(files):
    state[at * 4 + LENGTH] = os.stat(path).st_size
WRITERS, READERS = 2, 3
tallies = memoryview(mmap.mmap(-1, 4096)).cast('q')
deadline = time.monotonic() + seconds
report_read, report_write = os.pipe()


def content(pattern, length):
    return (b'%08d\n' % pattern) * (length // 9)


def done(me):
    tallies[me] += 1
    return sum(tallies[:16]) >= operations or time.monotonic() > deadline


def write_all(path, flags, data):
    fd = os.open(path, flags, 0o644)
    try:
        os.write(fd, data)
    finally:
        os.close(fd)


def change(how, path, old, data, length):
    if how == 'overwrite':
        write_all(path, os.O_RDWR, data)
    elif how == 'put':
        write_all(path, os.O_WRONLY | os.O_TRUNC | os.O_CREAT, data)
    elif how == 'rename':
        write_all(path + '.new', os.O_WRONLY | os.O_CREAT | os.O_EXCL, data)
        os.rename(path + '.new', path)
    elif how == 'link':
        os.link(path, path + '.link')
        write_all(path + '.link', os.O_RDWR, data)
        os.unlink(path + '.link')
    elif how == 'map':
        fd = os.open(path, os.O_RDWR)
        with mmap.mmap(fd, length) as shared:
            os.close(fd)
            shared[:] = data
    elif how == 'again':
        os.unlink(path)
        write_all(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, data)
    elif how == 'truncate':
        os.truncate(path, length)
    elif how == 'append':
        write_all(path, os.O_WRONLY | os.O_APPEND, data[:length - old])


def write(me, rng):
    mine = range(me, len(files), WRITERS)
    pattern = 0
    while not done(me):
        at = rng.choice(mine)
        cell = at * 4
        how = rng.choice(['overwrite', 'put', 'rename', 'link', 'map', 'again', 'truncate', 'append'])
        old, length = state[cell + LENGTH], state[cell + LENGTH]
        if how in ('truncate', 'append'):
            length = max(9, old + 9 * rng.randint(1, 50) * (-1 if how == 'truncate' else 1))
            now = state[cell + PATTERN]
        else:
            pattern += 1
            now = pattern * WRITERS + me
            if how not in ('overwrite', 'link', 'map'):
                length = 9 * rng.choice([5, 100, 5000])
        state[cell + STARTED] += 1
        change(how, files[at], old, content(now, max(length, old)) if how == 'append' else content(now, length), length)
        state[cell + PATTERN], state[cell + LENGTH] = now, length
        state[cell + FINISHED] += 1


def looked_at(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        return os.read(fd, 1 << 20)
    finally:
        os.close(fd)


def wrong(at, how, what):
    os.write(report_write, (json.dumps([files[at], how, what]) + '\n').encode())


def read(me, rng):
    held = []
    while not done(me):
        at = rng.randrange(len(files))
        cell = at * 4
        finished, pattern, length = state[cell + FINISHED], state[cell + PATTERN], state[cell + LENGTH]
        try:
            data = looked_at(files[at])
            size = os.stat(files[at]).st_size
        except FileNotFoundError:
            data, size = None, None
        if state[cell + STARTED] == finished and state[cell + FINISHED] == finished:
            tallies[16 + me] += 1
            if data != content(pattern, length):
                wrong(at, 'read', f'pattern {pattern} length {length} expected, not {data and (data[:9], len(data))}')
            elif size != length:
                wrong(at, 'stat', f'size {size}, not {length}')
        elif data and data[:8].isdigit() and int(data[:8]) < pattern:
            wrong(at, 'read', f'pattern {int(data[:8])} after {pattern}')
        if rng.random() < 0.2:
            try:
                held.append(os.open(files[at], os.O_RDONLY))
            except FileNotFoundError:
                pass
        if len(held) > 40:
            os.close(held.pop(rng.randrange(len(held))))


def listing(me, rng, idle):
    if idle:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    while not done(me):
        folder = rng.choice(files).split('/')[0]
        for entry in os.scandir(folder):
            if rng.random() < 0.05:
                try:
                    entry.stat()
                except FileNotFoundError:
                    pass


jobs = [(write, ()) for _ in range(WRITERS)] + [(read, ()) for _ in range(READERS)]
jobs += [(listing, (False,)), (listing, (True,)), (listing, (True,))]
children = []
for me, (job, more) in enumerate(jobs):
    pid = os.fork()
    if pid == 0:
        os.close(report_read)
        code = 1
        try:
            job(me, random.Random(seed * 100 + me), *more)
            code = 0
        except BaseException as error:
            os.write(report_write, (json.dumps([job.__name__, me, repr(error)]) + '\n').encode())
        os._exit(code)
    children.append(pid)
os.close(report_write)
reports = []
with os.fdopen(report_read) as lines:
    for line in lines:
        if len(reports) < 20:
            reports.append(json.loads(line))
failed = sum(os.waitpid(pid, 0)[1] != 0 for pid in children)
print(json.dumps({'operations': sum(tallies[:16]), 'checked': sum(tallies[16:32]), 'failed': failed, 'wrong': reports}))
