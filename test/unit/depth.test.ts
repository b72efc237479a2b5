/** Trees that are deeper than the stack of the program, and than there are descriptors. */
import type { Name } from '../../lib/base/bytes';
import { OK } from '../../lib/base/errno';
import { NO_FH, type NodeId, ROOT_NODE } from '../../lib/base/ids';
import { Attr, Entry, SetAttr } from '../../lib/vfs/types';
import { BareUnion } from '../support/bare-union';

const DESCRIPTORS = 200;
const root = process.getuid!() === 0;
const make = (depth: number) => `import os
for _ in range(${depth}):
    os.mkdir('d')
    os.chdir('d')
open('f', 'w').write('x')`;

/** The depth below a directory, and the mode of the file at its end. */
const MEASURE = `import os
depth = 0
while os.path.isdir('d'):
    os.chdir('d')
    depth += 1
print(depth, oct(os.stat('f').st_mode & 0o777))`;

(root ? describe : describe.skip)('a deep tree', () => {
  let scene: BareUnion;
  /** Of all names on the way down, as if the kernel knew them. */
  let nodes: NodeId[];

  function build(depth: number): void {
    scene = new BareUnion(1, DESCRIPTORS);
    scene.shell(`cd l1; python3 -c "${make(depth)}"`);
    scene.open();
    nodes = [ROOT_NODE];
    const entry = new Entry();
    for (let at = 0; at <= depth; at++) {
      const name = (at < depth ? 'd' : 'f') as Name;
      const errno = scene.union.lookup(scene.call, nodes[at]!, name, entry);
      if (errno !== OK) throw new Error(`${at} deep: errno ${errno}`);
      nodes.push(entry.node);
    }
    scene.core.descriptors.closeAll();
  }

  afterEach(() => scene.close());

  test('is reached by one descriptor, and forgotten at once', () => {
    build(20_000);
    const file = nodes.at(-1)!;
    expect(scene.union.getattr(scene.call, file, NO_FH, new Attr())).toBe(OK);
    expect(scene.core.descriptors.openDirectories).toBe(1);
    for (const node of nodes.slice(1, -1)) scene.union.forget(node, 1);
    expect(scene.core.table.size).toBe(2);
    scene.union.forget(file, 1);
    expect(scene.core.table.size).toBe(1);
    expect(scene.core.table.root.children.size).toBe(0);
  });

  test('is copied up with few descriptors', () => {
    const depth = Number(process.env.STRATAFS_DEPTH ?? 1000);
    build(depth);
    const change = Object.assign(new SetAttr(), { mode: 0o640 });
    expect(scene.union.setattr(scene.call, nodes.at(-1)!, NO_FH, change, new Attr())).toBe(OK);
    expect(scene.core.descriptors.openDirectories).toBeLessThanOrEqual(DESCRIPTORS);
    expect(scene.shell(`cd upper; python3 -c "${MEASURE}"`)).toBe(`${depth} 0o640\n`);
    scene.union.checkInvariants();
  });
});
