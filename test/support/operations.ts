/** What an actor can be asked to do: the types of actor.py's operations. */

export type FileType = 'file' | 'dir' | 'link' | 'fifo' | 'socket' | 'char' | 'block';

/** Seconds and nanoseconds since the epoch, `s.nnnnnnnnn`: compares as text within one decade of seconds. */
export type Time = string;

/** An open file of the actor's process. */
export type Handle = number;

export interface Stat {
  type: FileType;
  /** Permission bits. */
  mode: number;
  nlink: number;
  uid: number;
  gid: number;
  rdev: string;
  size: number;
  blocks: number;
  blksize: number;
  ino: string;
  dev: string;
  atime: Time;
  mtime: Time;
  ctime: Time;
}

export interface Dirent {
  name: string;
  type: FileType | 'unknown';
  ino: string;
  /** What lseek(2) continues after this entry from. */
  next: string;
}

export interface StatFs {
  blocks: number;
  bfree: number;
  files: number;
  ffree: number;
  bsize: number;
  frsize: number;
  namelen: number;
}

export interface Finished {
  status: number;
  out: string;
  err: string;
}

export interface FileLock {
  kind: number;
  start: number;
  length: number;
  pid: number;
}

/** One entry of a tree. Which fields are there depends on the type and on what was asked for. */
export interface TreeEntry extends Partial<Omit<Stat, 'type'>> {
  type: FileType | 'error';
  /** Why it could not be described. */
  errno?: string;
  /** Why a directory could not be listed. */
  listing?: string;
  target?: string;
  /** The bytes, or `sha1:` and their digest where they are many. */
  content?: string;
  extents?: [number, number][];
  xattrs?: Record<string, string>;
}

/** Entries by path; the top is `.`. */
export type Tree = Record<string, TreeEntry>;

export type TreeExtra = 'atime' | 'mtime' | 'ctime' | 'ino' | 'blocks' | 'extents';

/** Paths are relative to the actor's directory. Symlinks are not followed unless `follow` says so. */
export interface Operations {
  stat(path: string, follow?: boolean): Stat;
  fstat(fd: Handle): Stat;
  /** Null where the file system keeps none. */
  btime(path: string): Time | null;
  /** chmod(2) follows symlinks. */
  chmod(path: string, mode: number): null;
  fchmod(fd: Handle, mode: number): null;
  /** -1 leaves an owner alone. */
  chown(path: string, uid: number, gid: number, follow?: boolean): null;
  utimens(path: string, atime: Time | 'now' | 'omit', mtime: Time | 'now' | 'omit', follow?: boolean): null;
  access(path: string, mode: number): boolean;
  statfs(path: string): StatFs;

  mkdir(path: string, mode?: number): null;
  rmdir(path: string): null;
  unlink(path: string): null;
  mknod(path: string, kind: FileType, mode?: number, major?: number, minor?: number): null;
  symlink(target: string, path: string): null;
  readlink(path: string): string;
  link(source: string, path: string, follow?: boolean): null;
  /** Names an open file, as is done with O_TMPFILE. */
  linkfd(fd: Handle, path: string): null;
  rename(source: string, path: string, flags?: number): null;
  /** The length of the file's handle. */
  name_to_handle_at(path: string): number;
  chdir(path: string): null;

  /** The next entries; none at the end. */
  getdents(fd: Handle, size?: number): Dirent[];
  /** All entries, with `.` and `..`, read in pieces of `size` bytes. */
  readdir(path: string, size?: number): Dirent[];
  /** Sorted, without `.` and `..`. */
  names(path: string): string[];

  open(path: string, flags: number, mode?: number): Handle;
  /** Opens as the given number, in place of what was open there. */
  hold(fd: Handle, path: string, flags: number, mode?: number): null;
  close(fd: Handle): null;
  read(fd: Handle, length: number): string;
  write(fd: Handle, data: string): number;
  pread(fd: Handle, length: number, offset: number): string;
  pwrite(fd: Handle, data: string, offset: number): number;
  lseek(fd: Handle, offset: number | string, whence: number): number;
  ftruncate(fd: Handle, length: number | string): null;
  fallocate(fd: Handle, mode: number, offset: number, length: number): null;
  copy_file_range(
    source: Handle,
    target: Handle,
    length: number,
    sourceOffset?: number,
    targetOffset?: number,
  ): number;
  fsync(fd: Handle, dataOnly?: boolean): null;
  syncfs(fd: Handle): null;
  ioctl(fd: Handle, command: number, data: string): string;
  flock(fd: Handle, operation: number): null;
  /** fcntl(2) record lock; `wait` blocks. */
  lock(fd: Handle, kind: number, start: number, length: number, wait?: boolean): null;
  /** Who holds a lock that stands in the way of this one. */
  getlock(fd: Handle, kind: number, start: number, length: number): FileLock | null;

  map(fd: Handle, length: number, shared: boolean, writable: boolean): number;
  mapread(map: number, offset: number, length: number): string;
  mapwrite(map: number, offset: number, data: string): null;
  mapsync(map: number): null;
  unmap(map: number): null;
  /** Binds and listens on a unix socket. */
  listen(path: string): null;
  connect(path: string): null;

  setxattr(path: string, name: string, value: string, flags?: number, follow?: boolean): null;
  getxattr(path: string, name: string): string;
  /** With a buffer of `size` bytes; gives the length. */
  getxattr_into(path: string, name: string, size: number): number;
  listxattr(path: string): string[];
  /** With a buffer of `size` bytes; gives the length. */
  listxattr_into(path: string, size: number): number;
  removexattr(path: string, name: string): null;

  /** The whole content. */
  get(path: string): string;
  /** Creates or replaces the content. */
  put(path: string, data: string, mode?: number): null;
  /** Writes into an existing file. */
  put_at(path: string, data: string, offset: number): null;
  append(path: string, data: string): null;
  truncate(path: string, length: number): null;
  /** `count` files named `prefix` and a number. */
  fill(path: string, prefix: string, count: number, data?: string): null;
  snapshot(path: string, extra?: readonly TreeExtra[]): Tree;

  run(argv: readonly string[], cwd?: string, env?: Record<string, string>): Finished;
  /** Performs an operation in a process that is killed meanwhile. */
  killed_after(milliseconds: number, ...operation: Operation): null;
  /** Performs an operation that a signal interrupts, whose handler wants system calls to be restarted. */
  signalled_after(milliseconds: number, ...operation: Operation): unknown;
  /** Runs a command, the last given first, when the actor ends, or the tests that started it. */
  at_end(argv: readonly string[]): null;
  umask(mask: number): number;
}

export type Operation = [keyof Operations, ...unknown[]];

export interface Outcome {
  value?: unknown;
  errno?: string;
}
