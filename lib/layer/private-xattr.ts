/**
 * The xattrs in which overlayfs keeps its own facts: `trusted.overlay.*`, or `user.overlay.*` with userxattr.
 * They never show through the mount. A program that uses such a name itself (a nested overlay) gets it escaped by
 * one more `overlay.` on disk, as the kernel does (fs/overlayfs/xattrs.c).
 *
 * Every question here is answered by a number: what is asked for, or a negated errno. "There is none" is said by
 * the file system only (`saysNone`); a call that failed for any other reason says nothing.
 */
import type { ByteString, Name } from '../base/bytes';
import {
  type Answer,
  type Count,
  E2BIG,
  EACCES,
  ENODATA,
  EOPNOTSUPP,
  ERANGE,
  type Errno,
} from '../base/errno';
import { getxattr, setxattr, xattrNames } from '../sys/xattr';

const YES = 'y'.charCodeAt(0);
const YES_VALUE = Buffer.from('y');
const XATTR_WHITEOUTS = 'x'.charCodeAt(0);
const EMPTY = Buffer.alloc(0);

/** What a directory's `opaque` xattr says: nothing; it hides what is below; it may hold whiteouts told by xattrs. */
export const MARK_NONE = 0;
export const MARK_OPAQUE = 1;
export const MARK_XATTR_WHITEOUTS = 2;

/** Which xattrs a file has: overlayfs's own, and any that programs see. */
export const HAS_OPAQUE = 1;
export const HAS_ORIGIN = 2;
export const HAS_IMPURE = 4;
export const HAS_REDIRECT = 8;
export const HAS_METACOPY = 16;
export const HAS_WHITEOUT = 32;
export const HAS_OTHERS = 64;

export class PrivateXattrs {
  readonly opaque: ByteString;
  readonly origin: ByteString;
  readonly impure: ByteString;
  readonly redirect: ByteString;
  readonly metacopy: ByteString;
  readonly whiteout: ByteString;
  private readonly prefix: string;
  private readonly escaped: string;
  private readonly inUserNamespace: boolean;
  private readonly bits: ReadonlyMap<ByteString, number>;
  private readonly value = Buffer.alloc(1);

  constructor(namespace: 'trusted' | 'user') {
    this.prefix = `${namespace}.overlay.`;
    this.escaped = `${this.prefix}overlay.`;
    this.inUserNamespace = namespace === 'user';
    const name = (suffix: string): ByteString => (this.prefix + suffix) as ByteString;
    this.opaque = name('opaque');
    this.origin = name('origin');
    this.impure = name('impure');
    this.redirect = name('redirect');
    this.metacopy = name('metacopy');
    this.whiteout = name('whiteout');
    this.bits = new Map([
      [this.opaque, HAS_OPAQUE],
      [this.origin, HAS_ORIGIN],
      [this.impure, HAS_IMPURE],
      [this.redirect, HAS_REDIRECT],
      [this.metacopy, HAS_METACOPY],
      [this.whiteout, HAS_WHITEOUT],
    ]);
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

  /**
   * Does this answer of getxattr(2) say that there is no such xattr? `user.` ones of a file that we may not read
   * are as good as none: nobody has more to tell us (fs/overlayfs/util.c:ovl_check_metacopy_xattr).
   */
  saysNone(answer: Count): boolean {
    return answer === -ENODATA || answer === -EOPNOTSUPP || (answer === -EACCES && this.inUserNamespace);
  }

  /** Which xattrs a file has (HAS_* bits), in one system call as a rule. */
  of(dir: number, name: Name | null): Count {
    const names = xattrNames(dir, name);
    if (typeof names === 'number') {
      return names === EOPNOTSUPP || names === E2BIG ? this.askEach(dir, name) : -names;
    }
    let has = 0;
    for (const key of names) has |= this.bits.get(key) ?? (this.fromDisk(key) === null ? 0 : HAS_OTHERS);
    return has;
  }

  /** The same of a file whose xattrs cannot be listed: too many, or its file system does not tell. */
  private askEach(dir: number, name: Name | null): Count {
    let has = HAS_OTHERS;
    for (const [key, bit] of this.bits) {
      const answer = getxattr(dir, name, key, EMPTY);
      if (answer >= 0) has |= bit;
      else if (!this.saysNone(answer)) return answer;
    }
    return has;
  }

  /** Is this empty regular file a whiteout? Preconditions: its directory is marked MARK_XATTR_WHITEOUTS. */
  isXattrWhiteout(dir: number, name: Name): Answer {
    const answer = getxattr(dir, name, this.whiteout, EMPTY);
    return answer >= 0 ? 1 : this.saysNone(answer) ? 0 : answer;
  }

  /** What a directory's `opaque` xattr says: MARK_*. */
  opaqueMark(dir: number, name: Name | null): Count {
    const first = this.firstByte(dir, name, this.opaque);
    if (first < 0) return first;
    return first === YES ? MARK_OPAQUE : first === XATTR_WHITEOUTS ? MARK_XATTR_WHITEOUTS : MARK_NONE;
  }

  /** May files in the directory have an origin? */
  isImpure(dir: number, name: Name | null): Answer {
    const first = this.firstByte(dir, name, this.impure);
    return first < 0 ? first : first === YES ? 1 : 0;
  }

  markImpure(dir: number): Errno {
    return setxattr(dir, null, this.impure, YES_VALUE);
  }

  /** The byte that is the whole value; 0 where there is no such xattr, or another value. */
  private firstByte(dir: number, name: Name | null, key: ByteString): Count {
    const length = getxattr(dir, name, key, this.value);
    if (length === 1) return this.value[0]!;
    return length === 0 || length === -ERANGE || this.saysNone(length) ? 0 : length;
  }
}
