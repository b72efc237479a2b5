/** A call that fails says nothing: it is passed on, and what it would have said is asked again. */
import { mkdtempSync, rmdirSync } from 'node:fs';
import { bytesFromText, type Name } from '../../lib/base/bytes';
import { EMFILE, ENOENT, OK } from '../../lib/base/errno';
import { NO_FH, type NodeId } from '../../lib/base/ids';
import { PrivateXattrs } from '../../lib/layer/private-xattr';
import { AT_FDCWD, close, openat } from '../../lib/sys/open';
import { type Attr, Entry } from '../../lib/vfs/types';
import { BareUnion } from '../support/bare-union';
import { withoutDescriptors } from '../support/no-descriptors';

interface Found {
  readonly node: NodeId;
  readonly attr: Attr;
}

const O_PATH = 0o10000000;
const root = process.getuid!() === 0;

(root ? describe : describe.skip)('while no descriptor can be had', () => {
  let scene: BareUnion;
  afterEach(() => scene.close());

  test('an opaque directory is not taken for a plain one, then or later', () => {
    scene = new BareUnion(3);
    scene.shell(
      'mkdir -p l{1,2,3}/a/b; setfattr -n trusted.overlay.opaque -v y l2/a/b; echo > l3/a/b/secret',
    );
    scene.open();
    const known = scene.walk('a') as Found;
    scene.core.descriptors.closeAll();
    expect(
      withoutDescriptors(() => scene.union.lookup(scene.call, known.node, 'b' as Name, new Entry())),
    ).toBe(EMFILE);
    const entry = new Entry();
    expect(scene.union.lookup(scene.call, known.node, 'b' as Name, entry)).toBe(OK);
    scene.core.descriptors.closeAll();
    const secret = () => scene.union.lookup(scene.call, entry.node, 'secret' as Name, new Entry());
    expect([ENOENT, EMFILE]).toContain(withoutDescriptors(secret));
    expect(secret()).toBe(ENOENT);
    const record = scene.index.get(bytesFromText('a/b'));
    expect(record !== null && 'listing' in record && record.listing.has('secret' as Name)).toBe(false);
  });

  test('nothing is listed, and nothing kept of it', () => {
    scene = new BareUnion(2);
    scene.shell('mkdir -p l{1,2}/d; touch l1/d/x; sleep 0.1');
    scene.open();
    const { node } = scene.walk('d') as Found;
    scene.core.descriptors.closeAll();
    const list = () => {
      const names: string[] = [];
      const sink = { add: (name: Name) => names.push(name) > 0 };
      const errno = scene.finish(() => scene.union.readdir(scene.call, node, NO_FH, 0, sink));
      return errno === OK ? names : errno;
    };
    expect(withoutDescriptors(list)).toBe(EMFILE);
    expect(list()).toEqual(['.', '..', 'x']);
    scene.union.checkInvariants();
  });

  test('a file that was copied up keeps its number', () => {
    scene = new BareUnion(1);
    scene.shell('mkdir l1/d; echo > l1/d/f');
    scene.open();
    const before = scene.walk('d/f') as Found;
    const dir = scene.walk('d') as Found;
    expect(
      scene.union.setxattr(scene.call, before.node, bytesFromText('user.x'), Buffer.from('1'), 0, false),
    ).toBe(OK);
    scene.union.forget(before.node, 1);
    scene.core.descriptors.closeAll();
    const again = () => {
      const entry = new Entry();
      return scene.union.lookup(scene.call, dir.node, 'f' as Name, entry) || { ino: entry.attr.ino };
    };
    expect(withoutDescriptors(again)).toBe(EMFILE);
    expect(again()).toEqual({ ino: before.attr.ino });
  });

  test('what is held by a name gives way to what needs a descriptor', () => {
    scene = new BareUnion(1, 50);
    scene.shell('mkdir l1/d{1..40}; for d in l1/d*; do echo > $d/f; done');
    scene.open();
    for (let at = 1; at <= 40; at++) scene.walk(`d${at}/f`);
    const full = withoutDescriptors(() => scene.errnoOf('d1/f'));
    expect([OK, EMFILE]).toContain(full);
    for (let at = 1; at <= 40; at++) expect(scene.errnoOf(`d${at}/f`)).toBe(OK);
  });
});

describe('overlayfs xattrs of what cannot be asked', () => {
  const xattrs = new PrivateXattrs('trusted');
  const base = mkdtempSync('/dev/shm/stratafs-unit-');
  afterAll(() => rmdirSync(base));

  test('are an errno, neither there nor absent', () => {
    const fd = openat(AT_FDCWD, bytesFromText(base), O_PATH);
    const gone = 'gone' as Name;
    const beyond = 'gone/x' as Name;
    expect(xattrs.of(fd, gone)).toBe(-ENOENT);
    expect(xattrs.opaqueMark(fd, gone)).toBe(-ENOENT);
    expect(xattrs.isImpure(fd, beyond)).toBe(-ENOENT);
    expect(xattrs.isXattrWhiteout(fd, gone)).toBe(-ENOENT);
    expect(xattrs.of(fd, null)).toBe(0);
    expect(xattrs.opaqueMark(fd, null)).toBe(0);
    close(fd);
  });
});
