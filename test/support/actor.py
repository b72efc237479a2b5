"""Executes file operations for the tests, in a process of its own: a mount that hangs cannot hang the tests.

usage: actor.py DIRECTORY [UID GID GROUP,GROUP,... UMASK]

Each line on stdin is a JSON list of operations, [name, argument, ...]. Each operation is answered by one line on
stdout, its outcome: {"value": ...} or {"errno": "ENOENT"}. Paths are relative to DIRECTORY. Names, contents and xattr
values are latin-1 strings: one character is one byte. Times are strings "seconds.nanoseconds", inode numbers
strings of digits, because JSON's numbers end at 53 bits. operations.ts says what each operation takes and gives.
"""
import ctypes
import errno
import fcntl
import hashlib
import json
import mmap
import os
import signal
import socket
import stat as modes
import struct
import subprocess
import sys
import time

AT_FDCWD = -100
AT_SYMLINK_NOFOLLOW = 0x100
AT_SYMLINK_FOLLOW = 0x400
STATX_BTIME = 0x800
INLINE_CONTENT = 200

libc = ctypes.CDLL(None, use_errno=True)
maps = {}
sockets = []
last_words = []
operations = {}


def op(function):
    operations[function.__name__] = function
    return function


def raw(text):
    return text.encode('latin-1')


def text(data):
    return data.decode('latin-1')


def clock(ns):
    return f'{ns // 10**9}.{ns % 10**9:09d}'


def libc_call(name, *args):
    ctypes.set_errno(0)
    result = getattr(libc, name)(*args)
    if result < 0:
        raise OSError(ctypes.get_errno(), name)
    return result


def long(number):
    return ctypes.c_long(number)


TYPES = {
    modes.S_IFREG: 'file', modes.S_IFDIR: 'dir', modes.S_IFLNK: 'link', modes.S_IFIFO: 'fifo',
    modes.S_IFSOCK: 'socket', modes.S_IFCHR: 'char', modes.S_IFBLK: 'block',
}
TYPE_BITS = {name: bits for bits, name in TYPES.items()}


def status(s):
    return {
        'type': TYPES[modes.S_IFMT(s.st_mode)], 'mode': modes.S_IMODE(s.st_mode), 'nlink': s.st_nlink,
        'uid': s.st_uid, 'gid': s.st_gid, 'rdev': f'{os.major(s.st_rdev)}:{os.minor(s.st_rdev)}',
        'size': s.st_size, 'blocks': s.st_blocks, 'blksize': s.st_blksize, 'ino': str(s.st_ino),
        'dev': str(s.st_dev), 'atime': clock(s.st_atime_ns), 'mtime': clock(s.st_mtime_ns),
        'ctime': clock(s.st_ctime_ns),
    }


# --- attributes

@op
def stat(path, follow=False):
    return status(os.stat(raw(path), follow_symlinks=follow))


@op
def fstat(fd):
    return status(os.fstat(fd))


@op
def btime(path):
    buffer = ctypes.create_string_buffer(256)
    libc_call('statx', AT_FDCWD, raw(path), AT_SYMLINK_NOFOLLOW, STATX_BTIME, buffer)
    mask = struct.unpack_from('=I', buffer, 0)[0]
    seconds, nanoseconds = struct.unpack_from('=qI', buffer, 0x50)
    return f'{seconds}.{nanoseconds:09d}' if mask & STATX_BTIME else None


@op
def chmod(path, mode):
    os.chmod(raw(path), mode)


@op
def fchmod(fd, mode):
    os.fchmod(fd, mode)


@op
def chown(path, uid, gid, follow=False):
    os.chown(raw(path), uid, gid, follow_symlinks=follow)


@op
def utimens(path, atime, mtime, follow=False):
    def pair(time):
        if time == 'now':
            return 0, 0x3FFFFFFF
        if time == 'omit':
            return 0, 0x3FFFFFFE
        seconds, nanoseconds = time.split('.')
        return int(seconds), int(nanoseconds)

    times = (ctypes.c_long * 4)(*pair(atime), *pair(mtime))
    libc_call('utimensat', AT_FDCWD, raw(path), times, 0 if follow else AT_SYMLINK_NOFOLLOW)


@op
def access(path, mode):
    return os.access(raw(path), mode, effective_ids=True)


@op
def statfs(path):
    s = os.statvfs(raw(path))
    return {'blocks': s.f_blocks, 'bfree': s.f_bfree, 'files': s.f_files, 'ffree': s.f_ffree,
            'bsize': s.f_bsize, 'frsize': s.f_frsize, 'namelen': s.f_namemax}


# --- names

@op
def mkdir(path, mode=0o777):
    os.mkdir(raw(path), mode)


@op
def rmdir(path):
    os.rmdir(raw(path))


@op
def unlink(path):
    os.unlink(raw(path))


@op
def mknod(path, kind, mode=0o666, major=0, minor=0):
    os.mknod(raw(path), TYPE_BITS[kind] | mode, os.makedev(major, minor))


@op
def symlink(target, path):
    os.symlink(raw(target), raw(path))


@op
def readlink(path):
    return text(os.readlink(raw(path)))


@op
def link(source, path, follow=False):
    flags = AT_SYMLINK_FOLLOW if follow else 0
    libc_call('linkat', AT_FDCWD, raw(source), AT_FDCWD, raw(path), flags)


@op
def linkfd(fd, path):
    source = f'/proc/self/fd/{fd}'.encode()
    libc_call('linkat', AT_FDCWD, source, AT_FDCWD, raw(path), AT_SYMLINK_FOLLOW)


@op
def rename(source, path, flags=0):
    libc_call('renameat2', AT_FDCWD, raw(source), AT_FDCWD, raw(path), flags)


@op
def name_to_handle_at(path):
    """The bytes of the file's handle."""
    room = 128
    handle = ctypes.create_string_buffer(struct.pack('=I', room), 8 + room)
    mount = ctypes.c_int()
    libc_call('name_to_handle_at', AT_FDCWD, raw(path), handle, ctypes.byref(mount), 0)
    return struct.unpack_from('=I', handle)[0]


@op
def chdir(path):
    os.chdir(raw(path))


# --- directories

@op
def getdents(fd, size=32768):
    buffer = ctypes.create_string_buffer(size)
    end = libc_call('getdents64', fd, buffer, long(size))
    entries, at = [], 0
    while at < end:
        ino, offset, length, kind = struct.unpack_from('=QqHB', buffer, at)
        name = ctypes.string_at(ctypes.addressof(buffer) + at + 19)
        entries.append({'name': text(name), 'type': TYPES.get(kind << 12, 'unknown'), 'ino': str(ino),
                        'next': str(offset)})
        at += length
    return entries


@op
def readdir(path, size=32768):
    fd = os.open(raw(path), os.O_RDONLY | os.O_DIRECTORY)
    try:
        entries = []
        while part := getdents(fd, size):
            entries += part
        return entries
    finally:
        os.close(fd)


@op
def names(path):
    return sorted(text(name) for name in os.listdir(raw(path)))


# --- open files

@op
def open(path, flags, mode=0o666):
    return os.open(raw(path), flags, mode)


@op
def hold(fd, path, flags, mode=0o666):
    """Opens as the given number, in place of what was open there."""
    opened = os.open(raw(path), flags, mode)
    os.dup2(opened, fd)
    os.close(opened)


@op
def close(fd):
    os.close(fd)


@op
def read(fd, length):
    return text(os.read(fd, length))


@op
def write(fd, data):
    return os.write(fd, raw(data))


@op
def pread(fd, length, offset):
    return text(os.pread(fd, length, offset))


@op
def pwrite(fd, data, offset):
    return os.pwrite(fd, raw(data), offset)


@op
def lseek(fd, offset, whence):
    return os.lseek(fd, int(offset), whence)


@op
def ftruncate(fd, length):
    os.ftruncate(fd, int(length))


@op
def fallocate(fd, mode, offset, length):
    libc_call('fallocate', fd, mode, long(offset), long(length))


@op
def copy_file_range(source, target, length, source_offset=None, target_offset=None):
    return os.copy_file_range(source, target, length, source_offset, target_offset)


@op
def fsync(fd, data_only=False):
    (os.fdatasync if data_only else os.fsync)(fd)


@op
def syncfs(fd):
    libc_call('syncfs', fd)


@op
def ioctl(fd, command, data):
    return text(fcntl.ioctl(fd, command, raw(data)))


@op
def flock(fd, operation):
    fcntl.flock(fd, operation)


@op
def lock(fd, kind, start, length, wait=False):
    argument = struct.pack('hhqqi4x', kind, os.SEEK_SET, start, length, 0)
    fcntl.fcntl(fd, fcntl.F_SETLKW if wait else fcntl.F_SETLK, argument)


@op
def getlock(fd, kind, start, length):
    argument = struct.pack('hhqqi4x', kind, os.SEEK_SET, start, length, 0)
    found, _, at, size, pid = struct.unpack('hhqqi4x', fcntl.fcntl(fd, fcntl.F_GETLK, argument))
    return None if found == fcntl.F_UNLCK else {'kind': found, 'start': at, 'length': size, 'pid': pid}


# --- mappings and sockets

@op
def map(fd, length, shared, writable):
    flags = mmap.MAP_SHARED if shared else mmap.MAP_PRIVATE
    protection = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
    key = len(maps) + 1
    maps[key] = mmap.mmap(fd, length, flags, protection)
    return key


@op
def mapread(key, offset, length):
    return text(maps[key][offset:offset + length])


@op
def mapwrite(key, offset, data):
    maps[key][offset:offset + len(data)] = raw(data)


@op
def mapsync(key):
    maps[key].flush()


@op
def unmap(key):
    maps.pop(key).close()


@op
def listen(path):
    server = socket.socket(socket.AF_UNIX)
    server.bind(raw(path))
    server.listen()
    sockets.append(server)


@op
def connect(path):
    client = socket.socket(socket.AF_UNIX)
    client.connect(raw(path))
    client.close()


# --- extended attributes

@op
def setxattr(path, name, value, flags=0, follow=False):
    os.setxattr(raw(path), raw(name), raw(value), flags, follow_symlinks=follow)


@op
def getxattr(path, name):
    return text(os.getxattr(raw(path), raw(name), follow_symlinks=False))


@op
def getxattr_into(path, name, size):
    buffer = ctypes.create_string_buffer(max(size, 1))
    return libc_call('lgetxattr', raw(path), raw(name), buffer, long(size))


@op
def listxattr(path):
    return sorted(os.listxattr(raw(path), follow_symlinks=False))


@op
def listxattr_into(path, size):
    buffer = ctypes.create_string_buffer(max(size, 1))
    return libc_call('llistxattr', raw(path), buffer, long(size))


@op
def removexattr(path, name):
    os.removexattr(raw(path), raw(name), follow_symlinks=False)


# --- whole files and trees; O_NONBLOCK because what is there may be a fifo

@op
def get(path):
    fd = os.open(raw(path), os.O_RDONLY | os.O_NONBLOCK)
    try:
        parts = []
        while part := os.read(fd, 1 << 20):
            parts.append(part)
        return text(b''.join(parts))
    finally:
        os.close(fd)


@op
def put(path, data, mode=0o666):
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK
    with os.fdopen(os.open(raw(path), flags, mode), 'wb') as file:
        file.write(raw(data))


@op
def put_at(path, data, offset):
    fd = os.open(raw(path), os.O_WRONLY | os.O_NONBLOCK)
    try:
        os.pwrite(fd, raw(data), offset)
    finally:
        os.close(fd)


@op
def append(path, data):
    with os.fdopen(os.open(raw(path), os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK), 'wb') as file:
        file.write(raw(data))


@op
def truncate(path, length):
    os.truncate(raw(path), length)


@op
def fill(path, prefix, count, data=''):
    for number in range(count):
        put(f'{path}/{prefix}{number}', data)


def open_quietly(path):
    """Opens for reading without renewing the atime: looking at a layer must not change it."""
    try:
        return os.open(path, os.O_RDONLY | os.O_NOATIME)
    except PermissionError:
        return os.open(path, os.O_RDONLY)


def list_quietly(path):
    fd = open_quietly(path)
    try:
        return sorted(os.fsencode(name) for name in os.listdir(fd))
    finally:
        os.close(fd)


def content(path):
    with os.fdopen(open_quietly(path), 'rb') as file:
        start = file.read(INLINE_CONTENT + 1)
        if len(start) <= INLINE_CONTENT:
            return text(start)
        digest = hashlib.sha1(start)
        while part := file.read(1 << 20):
            digest.update(part)
        return f'sha1:{digest.hexdigest()}'


def extents(path):
    fd = open_quietly(path)
    try:
        found, at, size = [], 0, os.fstat(fd).st_size
        while at < size:
            try:
                start = os.lseek(fd, at, os.SEEK_DATA)
            except OSError:
                break
            at = os.lseek(fd, start, os.SEEK_HOLE)
            found.append([start, at])
        return found
    finally:
        os.close(fd)


def describe(path, extra):
    s = os.lstat(path)
    record = status(s)
    for field in ('blksize', 'blocks', 'dev', 'ino', 'atime', 'mtime', 'ctime'):
        if field not in extra:
            del record[field]
    kind = record['type']
    if kind == 'dir':
        del record['size'], record['nlink']
    if kind not in ('char', 'block'):
        del record['rdev']
    if kind == 'link':
        record['target'] = text(os.readlink(path))
    if kind == 'file':
        record['content'] = content(path)
        if 'extents' in extra:
            record['extents'] = extents(path)
    record['xattrs'] = {
        name: text(os.getxattr(path, name, follow_symlinks=False))
        for name in sorted(os.listxattr(path, follow_symlinks=False))
    }
    return record


@op
def snapshot(path, extra=()):
    found = {}

    def visit(at, shown):
        try:
            record = describe(at, extra)
        except OSError as error:
            record = {'type': 'error', 'errno': errno.errorcode[error.errno]}
        found[text(shown)] = record
        if record['type'] == 'dir':
            try:
                for name in list_quietly(at):
                    visit(os.path.join(at, name), name if shown == b'.' else os.path.join(shown, name))
            except OSError as error:
                record['listing'] = errno.errorcode[error.errno]

    visit(raw(path), b'.')
    return found


# --- programs and the process itself

@op
def run(argv, cwd=None, env=None):
    environment = {**os.environ, **env} if env else None
    done = subprocess.run([raw(word) for word in argv], cwd=cwd and raw(cwd), env=environment,
                          stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return {'status': done.returncode, 'out': text(done.stdout), 'err': text(done.stderr)}


@op
def killed_after(milliseconds, *operation):
    """Performs an operation in a process that is killed meanwhile."""
    child = os.fork()
    if child == 0:
        perform(*operation)
        os._exit(0)
    time.sleep(milliseconds / 1000)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


@op
def signalled_after(milliseconds, *operation):
    """Performs an operation that a signal interrupts, whose handler wants system calls to be restarted."""
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.siginterrupt(signal.SIGALRM, False)
    signal.setitimer(signal.ITIMER_REAL, milliseconds / 1000)
    try:
        return operations[operation[0]](*operation[1:])
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


@op
def at_end(argv):
    """What to run (last comes first) when nobody speaks to this process any more, because it was stopped or the tests have died."""
    last_words.append(argv)


@op
def umask(mask):
    return os.umask(mask)


def perform(name, *args):
    try:
        return {'value': operations[name](*args)}
    except OSError as error:
        return {'errno': 'EOPNOTSUPP' if error.errno == errno.EOPNOTSUPP else errno.errorcode[error.errno]}


def main():
    os.umask(0)
    os.chdir(os.fsencode(sys.argv[1]))
    if len(sys.argv) > 2:
        uid, gid, groups, mask = sys.argv[2:6]
        os.setgroups([int(group) for group in groups.split(',') if group])
        os.setresgid(int(gid), int(gid), int(gid))
        os.setresuid(int(uid), int(uid), int(uid))
        os.umask(int(mask))
    for line in sys.stdin.buffer:
        for operation in json.loads(line):
            sys.stdout.write(json.dumps(perform(*operation)) + '\n')
            sys.stdout.flush()
    for argv in reversed(last_words):
        subprocess.run([raw(word) for word in argv], stdin=subprocess.DEVNULL, capture_output=True, check=False)


main()
