/** Extended attributes. Their names are read from the request: the binding's are decoded as UTF-8. */
import type { ByteString } from '../../base/bytes';
import { type Count, EOPNOTSUPP } from '../../base/errno';
import type { NodeId } from '../../base/ids';
import { Opcode } from '../opcodes';
import { type Arguments, type Operation, plain, returning } from '../operation';
import type { Session } from '../session';

const ACL_PREFIX = 'system.posix_acl_';

function at(x: Session, path: unknown, act: (node: NodeId) => Count): Count {
  const entry = x.paths.walk(x.call, path as ByteString);
  return entry === null ? -x.paths.errno : act(entry.node);
}

/** The kernel does not enforce ACLs for libfuse 2.9, so none may be set. */
function setxattr(x: Session, [path, , value]: Arguments): Count {
  const name = x.window.string(8);
  if (name.startsWith(ACL_PREFIX)) return -EOPNOTSUPP;
  const flags = x.window.u32(4);
  return at(x, path, (node) => -x.fs.setxattr(x.call, node, name, value as Buffer, flags, false));
}

function getxattr(x: Session, [path, , into]: Arguments): Count {
  const name = x.window.string(8);
  return at(x, path, (node) => x.fs.getxattr(x.call, node, name, into as Buffer));
}

function listxattr(x: Session, [path, into]: Arguments): Count {
  return at(x, path, (node) => x.fs.listxattr(x.call, node, into as Buffer));
}

function removexattr(x: Session, [path]: Arguments): Count {
  const name = x.window.string(0);
  return at(x, path, (node) => -x.fs.removexattr(x.call, node, name));
}

export const XATTRS: readonly Operation[] = [
  { name: 'setxattr', opcodes: [Opcode.Setxattr], run: setxattr, reply: returning(2) },
  { name: 'getxattr', opcodes: [Opcode.Getxattr], run: getxattr, reply: returning(2) },
  { name: 'listxattr', opcodes: [Opcode.Listxattr], run: listxattr, reply: returning(1) },
  { name: 'removexattr', opcodes: [Opcode.Removexattr], run: removexattr, reply: plain },
];
