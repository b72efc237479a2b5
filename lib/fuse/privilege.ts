/** What this thread may do, as /proc says. */
import { readFileSync, readlinkSync } from 'node:fs';

const CAP_SYS_ADMIN = 21n;
/** PROC_USER_INIT_INO of linux/proc_ns.h: the user namespace that the machine started with. */
const INITIAL_USER_NAMESPACE = 'user:[4026531837]';

function hasSysAdmin(): boolean {
  const line = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/thread-self/status', 'latin1'));
  return line !== null && ((BigInt(`0x${line[1]}`) >> CAP_SYS_ADMIN) & 1n) === 1n;
}

/** The kernel registers backing files only for CAP_SYS_ADMIN in the initial user namespace. */
export function mayRegisterBacking(): boolean {
  return readlinkSync('/proc/self/ns/user') === INITIAL_USER_NAMESPACE && hasSysAdmin();
}
