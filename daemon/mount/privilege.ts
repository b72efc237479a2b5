/** What this process may do: capabilities, and whether its root is the machine's. */
import { readFileSync } from 'node:fs';

const CAP_SYS_ADMIN = 21n;

/** The lines of uid_map: inside, outside, length. */
function uidMap(): [number, number, number][] {
  return readFileSync('/proc/self/uid_map', 'latin1')
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number) as [number, number, number]);
}

export function inInitialUserNamespace(): boolean {
  const [[inside, outside, length] = [0, 0, 0]] = uidMap();
  return inside === 0 && outside === 0 && length === 0xffffffff;
}

/** Our user as the parent user namespace calls it. */
export function outerUid(): number {
  const uid = process.getuid!();
  for (const [inside, outside, length] of uidMap()) {
    if (uid >= inside && uid < inside + length) return outside + uid - inside;
  }
  return uid;
}

/** CAP_SYS_ADMIN over our own user namespace: may mount there. */
export function mayAdminister(): boolean {
  const status = readFileSync('/proc/self/status', 'latin1');
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`);
  return ((effective >> CAP_SYS_ADMIN) & 1n) === 1n;
}

/** CAP_SYS_ADMIN over the machine: may set `trusted.` xattrs. */
export function isMachineAdministrator(): boolean {
  return inInitialUserNamespace() && mayAdminister();
}

/** Where a union keeps its own xattrs. */
export function xattrNamespace(userxattr: boolean): 'trusted' | 'user' {
  return !userxattr && isMachineAdministrator() ? 'trusted' : 'user';
}
