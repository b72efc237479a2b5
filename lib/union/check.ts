/** The invariants of the node table, checked after every request in tests (`--check-invariants`). */
import type { Core } from './core';

/** @throws Error naming the first invariant that does not hold */
export function checkInvariants(core: Core): void {
  for (const file of core.table.linkedFiles()) {
    hold(file.nodes > 0, `${file.name} is found by its inode number but not known`);
  }
  for (const node of core.table.all()) {
    const { inode } = node;
    const who = `node ${node.id} (${inode.name})`;
    hold(node.lookups > 0, `${who} is known but was never looked up`);
    hold(inode.nodes > 0, `${who} belongs to an inode that counts no nodes`);
    hold(
      inode.node === null || core.table.get(inode.node.id) === inode.node,
      `${who} has a stale current node`,
    );
    hold(node.handles > 0 || node.bound === null, `${who} is bound to a file without handles`);
    if (inode.parent !== null) {
      hold(inode.parent.children.get(inode.name) === inode, `${who} is not among its parent's children`);
      hold(!inode.parent.dead, `${who} has a name in a removed directory`);
    }
    if (inode.isDir) {
      hold(
        inode.build === null || inode.work?.errno === null,
        `${who} keeps a view in the making that is made`,
      );
      for (const [name, child] of inode.children) {
        hold(child.parent === inode && child.name === name, `${who} has child ${name} under another name`);
        hold(
          child.nodes > 0 || (child.isDir && child.children.size > 0),
          `${who} keeps unknown child ${name}`,
        );
      }
    } else if (inode.upper) {
      hold(
        inode.parent !== null ? inode.parent.upper !== null : inode.held >= 0,
        `${who} is in the upper layer but cannot be reached`,
      );
    }
  }
}

function hold(holds: boolean, what: string): void {
  if (!holds) throw new Error(`invariant broken: ${what}`);
}
