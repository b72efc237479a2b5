"""Executes the rows of the rights matrix, each as its caller, and tells what came of each.

usage: execute.py DIRECTORY ROWS

ROWS is a JSON file: {"callers": {NAME: {uid, gid, groups, without}}, "rows": [[CALLER, OPERATION, PATH], ...]}. Paths
are relative to DIRECTORY. `without` are the numbers of capabilities that the caller does not have. Rows of one caller
are executed in a process of that caller; operations on an inherited descriptor get one that root has opened. Stdout is
a JSON list with one line of text for each row, what matrix.ts calls an outcome.
"""
import ctypes
import errno
import json
import mmap
import os
import struct
import sys

ROWS_PER_PROCESS = 256
CAPABILITY = 'security.capability'
GIVEN = 1_400_000_000 * 10**9
KEEP_SIZE = 1
PR_CAPBSET_DROP = 24
V3 = 0x20080522
libc = ctypes.CDLL(None, use_errno=True)


def call(name, *args):
    if getattr(libc, name)(*args) < 0:
        raise OSError(ctypes.get_errno(), name)


def long(number):
    return ctypes.c_long(number)


# --- operations on a path

def chown_nothing(path):
    os.chown(path, -1, -1)


def chown_own_group(path):
    os.chown(path, -1, os.getgid())


def chown_user(path):
    os.chown(path, os.getuid(), -1)


def chmod_same(path):
    os.chmod(path, os.stat(path).st_mode & 0o7777)


def chmod_more(path):
    os.chmod(path, os.stat(path).st_mode & 0o7777 | 0o6000)


def with_open(flags, act):
    def operation(path):
        fd = os.open(path, flags)
        try:
            act(fd)
        finally:
            os.close(fd)
    return operation


def truncate(path):
    os.truncate(path, 3)


def utimes_now(path):
    os.utime(path)


def utimes_given(path):
    os.utime(path, ns=(GIVEN, GIVEN))


def setxattr(path):
    os.setxattr(path, 'user.x', b'y')


def removexattr(path):
    os.removexattr(path, 'user.there')


def remove_capability(path):
    os.removexattr(path, CAPABILITY)


def link(path):
    os.link(path, path + '.link')


def rename(path):
    os.rename(path, path + '.new')
    os.rename(path + '.new', path)


unlink = os.unlink


# --- operations on a descriptor

def write(fd):
    os.write(fd, b'new')


def append(fd):
    os.pwrite(fd, b'more', os.fstat(fd).st_size)


def ftruncate(fd):
    os.ftruncate(fd, 4)


def fallocate(fd):
    call('fallocate', fd, KEEP_SIZE, long(0), long(100))


def copy_into(fd):
    source = os.open('source', os.O_RDONLY)
    try:
        os.copy_file_range(source, fd, 5, 0, 0)
    finally:
        os.close(source)


def map_write(fd):
    with mmap.mmap(fd, 5) as mapped:
        mapped[0:3] = b'new'
        mapped.flush()


def fchown_nothing(fd):
    os.fchown(fd, -1, -1)


def nothing(fd):
    pass


BY_PATH = {
    'chown -1 -1': chown_nothing, 'chown own group': chown_own_group, 'chown own user': chown_user,
    'chmod same': chmod_same, 'chmod +6000': chmod_more, 'truncate': truncate,
    'open': with_open(os.O_WRONLY, nothing), 'open truncating': with_open(os.O_WRONLY | os.O_TRUNC, nothing),
    'open and write': with_open(os.O_WRONLY, write), 'open and append': with_open(os.O_WRONLY, append),
    'utimes now': utimes_now, 'utimes given': utimes_given, 'setxattr': setxattr, 'removexattr': removexattr,
    'remove capability': remove_capability, 'link': link, 'rename': rename, 'unlink': unlink,
}
INHERITED = {
    'fd write': write, 'fd append': append, 'fd truncate': ftruncate, 'fd fallocate': fallocate,
    'fd copy into': copy_into, 'fd map write': map_write, 'fd chown -1 -1': fchown_nothing,
}


def become(uid, gid, groups, without):
    if os.getgroups() != groups:
        os.setgroups(groups)
    for capability in without:
        call('prctl', PR_CAPBSET_DROP, long(capability), long(0), long(0), long(0))
    if uid == 0:
        os.setresgid(gid, gid, gid)
        drop(without)
        return
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def drop(without):
    """capset(2) of all that the thread has, but for some."""
    header = struct.pack('=Ii', V3, 0)
    data = ctypes.create_string_buffer(24)
    call('capget', header, data)
    words = list(struct.unpack('=6I', data.raw))
    for capability in without:
        for part in range(3):
            words[capability // 32 * 3 + part] &= ~(1 << capability % 32)
    call('capset', header, struct.pack('=6I', *words))


def show(path, before):
    try:
        s = os.lstat(path)
    except OSError as error:
        return errno.errorcode[error.errno]
    try:
        capability = 'caps' if os.getxattr(path, CAPABILITY) else ''
    except OSError as error:
        capability = '-' if error.errno == errno.ENODATA else errno.errorcode[error.errno]
    renewed = 'renewed' if s.st_ctime_ns != before.st_ctime_ns else 'old'
    touched = 'given' if s.st_mtime_ns == GIVEN else 'old' if s.st_mtime_ns == before.st_mtime_ns else 'new'
    return (f'{s.st_mode & 0o7777:04o} {s.st_uid}:{s.st_gid} {capability} size={s.st_size} nlink={s.st_nlink}'
            f' mtime={touched} ctime={renewed}')


def execute(row, fd):
    _, operation, path = row
    before = os.lstat(path)
    try:
        if fd is None:
            BY_PATH[operation](path)
        else:
            INHERITED[operation](fd)
        result = 'OK'
    except OSError as error:
        result = errno.errorcode[error.errno]
    return f'{result} {show(path, before)}'


def execute_as(caller, rows):
    """Executes rows in a process of the caller; gives their outcomes."""
    fds = [os.open(path, os.O_RDWR) if name in INHERITED else None for _, name, path in rows]
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            become(**caller)
            with os.fdopen(writing, 'w') as told:
                json.dump([execute(row, fd) for row, fd in zip(rows, fds)], told)
            os._exit(0)
        finally:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading) as told:
        text = told.read()
    _, status = os.waitpid(child, 0)
    for fd in fds:
        if fd is not None:
            os.close(fd)
    if status != 0:
        raise SystemExit(f'a caller ended with {status}')
    return json.loads(text)


def main():
    directory, path = sys.argv[1:]
    with open(path) as file:
        asked = json.load(file)
    os.chdir(directory)
    os.umask(0)
    outcomes = [None] * len(asked['rows'])
    for name, caller in asked['callers'].items():
        numbers = [at for at, row in enumerate(asked['rows']) if row[0] == name]
        for start in range(0, len(numbers), ROWS_PER_PROCESS):
            part = numbers[start:start + ROWS_PER_PROCESS]
            for at, outcome in zip(part, execute_as(caller, [asked['rows'][at] for at in part])):
                outcomes[at] = outcome
    json.dump(outcomes, sys.stdout)


main()
