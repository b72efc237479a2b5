/**
 * Which numbers the kernel knows which inodes by. Lookup counts are exact: an inode that nobody knows any more
 * leaves memory with all that it holds.
 */
import type { Name } from '../base/bytes';
import { type NodeId, ROOT_NODE } from '../base/ids';
import { type Dir, type File, type Inode, Node } from './inode';

export class NodeTable {
  private readonly nodes = new Map<number, Node>();
  private nextId = ROOT_NODE + 1;
  /**
   * Known upper files that had several names at some time, by real inode number, until they are forgotten. Their real
   * files live as long, by a name or a descriptor: a number in here is not given to another file.
   */
  private readonly linked = new Map<number, File>();

  /** @param onForgotten closes what the inode holds; it is called once nothing refers to it any more */
  constructor(
    readonly root: Dir,
    private readonly onForgotten: (inode: Inode) => void,
  ) {
    const node = new Node(ROOT_NODE, root);
    node.lookups = 1;
    root.node = node;
    root.nodes = 1;
    this.nodes.set(ROOT_NODE, node);
  }

  get size(): number {
    return this.nodes.size;
  }

  /** The node of a number that the kernel sent, or undefined for one it cannot know. */
  get(id: NodeId): Node | undefined {
    return this.nodes.get(id);
  }

  all(): Iterable<Node> {
    return this.nodes.values();
  }

  /** The kernel learns of the inode: counts one lookup and puts it under its name. */
  know(inode: Inode): Node {
    let node = inode.node;
    if (node === null) {
      node = new Node(this.nextId++ as NodeId, inode);
      this.nodes.set(node.id, node);
      inode.node = node;
      inode.nodes++;
      if (inode.parent !== null) inode.parent.children.set(inode.name, inode);
    }
    node.lookups++;
    return node;
  }

  forget(id: NodeId, count: number): void {
    const node = this.nodes.get(id);
    if (node === undefined || id === ROOT_NODE) return;
    node.lookups -= count;
    if (node.lookups > 0) return;
    this.nodes.delete(id);
    const inode = node.inode;
    if (inode.node === node) inode.node = null;
    inode.nodes--;
    this.dropIfUnknown(inode);
  }

  /** The name's next lookup gives a new number; the old one stays valid for who has it. */
  retire(inode: Inode): void {
    inode.node = null;
  }

  /**
   * The name's next lookup gives a retired node again.
   * Preconditions: the inode has no current node.
   */
  revive(node: Node): void {
    node.inode.node = node;
  }

  /** The inode got another name, or none that we know (`parent` null). */
  rename(inode: Inode, parent: Dir | null, name: Name): void {
    const old = inode.parent;
    if (old !== null && old.children.get(inode.name) === inode) old.children.delete(inode.name);
    inode.parent = parent;
    inode.name = name;
    if (parent !== null && inode.nodes > 0) parent.children.set(name, inode);
    if (old !== null) this.dropIfUnknown(old);
  }

  /** The known upper file with this real inode number, if it has or had several names. */
  linkedFile(upperIno: number): File | undefined {
    return this.linked.get(upperIno);
  }

  /**
   * From now on the upper file is found by its inode number too, whichever of its names is looked up.
   * Preconditions: the kernel knows it.
   */
  rememberLinked(file: File): void {
    this.linked.set(file.upperIno, file);
  }

  linkedFiles(): Iterable<File> {
    return this.linked.values();
  }

  /** Takes an inode out of memory if the kernel knows neither it nor anything below it; then its parents likewise. */
  dropIfUnknown(inode: Inode): void {
    for (let at: Inode | null = inode; at !== null; ) {
      if (at.nodes > 0 || at === this.root) return;
      if (at.isDir ? at.children.size > 0 : (at.copying?.job ?? 0) !== 0) return;
      this.onForgotten(at);
      if (!at.isDir && this.linked.get(at.upperIno) === at) this.linked.delete(at.upperIno);
      const parent: Dir | null = at.parent;
      if (parent === null || parent.children.get(at.name) !== at) return;
      parent.children.delete(at.name);
      at = parent;
    }
  }
}
