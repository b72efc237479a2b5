/**
 * The xattrs in which overlayfs keeps its own facts: `trusted.overlay.*`, or `user.overlay.*` with userxattr.
 * They never show through the mount. A program that uses such a name itself (a nested overlay) gets it escaped by
 * one more `overlay.` on disk, as the kernel does (fs/overlayfs/xattrs.c).
 */
import type { ByteString, Name } from '../base/bytes';
import type { Errno } from '../base/errno';
import { getxattr, setxattr } from '../sys/xattr';

const YES = 'y'.charCodeAt(0);
const YES_VALUE = Buffer.from('y');
const XATTR_WHITEOUTS = 'x'.charCodeAt(0);

/** What a directory's `opaque` xattr says: it hides what is below, or it may hold whiteouts told by xattrs. */
export type OpaqueMark = 'none' | 'opaque' | 'xattr-whiteouts';

export class PrivateXattrs {
  readonly opaque: ByteString;
  readonly origin: ByteString;
  readonly impure: ByteString;
  readonly redirect: ByteString;
  readonly metacopy: ByteString;
  readonly whiteout: ByteString;
  private readonly prefix: string;
  private readonly escaped: string;
  private readonly value = Buffer.alloc(1);

  constructor(namespace: 'trusted' | 'user') {
    this.prefix = `${namespace}.overlay.`;
    this.escaped = `${this.prefix}overlay.`;
    const name = (suffix: string): ByteString => (this.prefix + suffix) as ByteString;
    this.opaque = name('opaque');
    this.origin = name('origin');
    this.impure = name('impure');
    this.redirect = name('redirect');
    this.metacopy = name('metacopy');
    this.whiteout = name('whiteout');
  }

  /** The name on disk of an xattr that a program asks for. */
  toDisk(name: ByteString): ByteString {
    if (!name.startsWith(this.prefix)) return name;
    return (this.escaped + name.slice(this.prefix.length)) as ByteString;
  }

  /** The name that programs see of an xattr on disk, or null where it is overlayfs's own. */
  fromDisk(name: ByteString): ByteString | null {
    if (!name.startsWith(this.prefix)) return name;
    if (!name.startsWith(this.escaped)) return null;
    return (this.prefix + name.slice(this.escaped.length)) as ByteString;
  }

  /** Does the directory hide everything below it? */
  isOpaque(dir: number, name: Name | null): boolean {
    return this.firstByte(dir, name, this.opaque) === YES;
  }

  /** May the directory hold whiteouts that are regular files with a `whiteout` xattr? (opaque = "x") */
  hasXattrWhiteouts(dir: number): boolean {
    return this.firstByte(dir, null, this.opaque) === XATTR_WHITEOUTS;
  }

  isXattrWhiteout(dir: number, name: Name): boolean {
    return getxattr(dir, name, this.whiteout, EMPTY) >= 0;
  }

  /** Both of the above in one system call. */
  opaqueMark(dir: number, name: Name | null): OpaqueMark {
    const mark = this.firstByte(dir, name, this.opaque);
    return mark === YES ? 'opaque' : mark === XATTR_WHITEOUTS ? 'xattr-whiteouts' : 'none';
  }

  /** May files in the directory have an origin? */
  isImpure(dir: number, name: Name | null): boolean {
    return this.firstByte(dir, name, this.impure) === YES;
  }

  markImpure(dir: number): Errno {
    return setxattr(dir, null, this.impure, YES_VALUE);
  }

  private firstByte(dir: number, name: Name | null, key: ByteString): number {
    return getxattr(dir, name, key, this.value) === 1 ? this.value[0]! : -1;
  }
}

const EMPTY = Buffer.alloc(0);
