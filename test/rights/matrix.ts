/**
 * The rights matrix: who may do what to which file, and what is left of its set-ID bits and capabilities. A row is one
 * file, one caller and one operation; each row has a file of its own.
 */
import { type Entry, file } from '../support/layers';

/** The ordinary caller; 2000 is its supplementary group. */
const USER = { uid: 1001, gid: 1001, groups: [2000], without: [] };
const CAP_CHOWN = 0;
const CAP_FOWNER = 3;
const CAP_FSETID = 4;
const ROOT = { uid: 0, gid: 0, groups: [], without: [] };

/** Who executes a row; execute.py says what the fields mean. */
export const CALLERS = {
  root: ROOT,
  'root without FSETID': { ...ROOT, without: [CAP_FSETID] },
  'root without CHOWN, FOWNER, FSETID': { ...ROOT, without: [CAP_CHOWN, CAP_FOWNER, CAP_FSETID] },
  'root without FOWNER': { ...ROOT, without: [CAP_FOWNER] },
  user: USER,
};
type Caller = keyof typeof CALLERS;

const MODES = [
  0o644, 0o666, 0o755, 0o4755, 0o2755, 0o4775, 0o2775, 0o2666, 0o4666, 0o6755, 0o6666, 0o1777, 0o2767,
];
const OWNERS = [0, USER.uid, 1005];
/** The user's own group, its supplementary one, and another. */
const GROUPS = [USER.gid, 2000, 3000];
const CAPABILITIES = [false, true];
const LAYERS = ['lower', 'upper'] as const;
const ACLS = ['none', 'user', 'group', 'mask'] as const;
type Acl = (typeof ACLS)[number];

/** What execute.py can do. Those that begin with `fd` work on a descriptor that root has opened for writing. */
export const OPERATIONS = [
  'chown -1 -1',
  'chown own group',
  'chown own user',
  'chmod same',
  'chmod +6000',
  'truncate',
  'open',
  'open truncating',
  'open and write',
  'open and append',
  'utimes now',
  'utimes given',
  'setxattr',
  'removexattr',
  'remove capability',
  'link',
  'rename',
  'unlink',
  'fd write',
  'fd append',
  'fd truncate',
  'fd fallocate',
  'fd copy into',
  'fd map write',
  'fd chown -1 -1',
] as const;
type OperationName = (typeof OPERATIONS)[number];

export interface Row {
  readonly caller: Caller;
  readonly operation: OperationName;
  readonly layer: (typeof LAYERS)[number];
  readonly path: string;
  readonly entry: Entry;
  /** The row in words. */
  readonly title: string;
}

/** VFS_CAP_REVISION_2 with CAP_NET_RAW effective and permitted. */
const NET_RAW = '\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0';

/** struct posix_acl_xattr_entry: tag, permissions, id. */
const aclEntry = (tag: number, permissions: number, id = 0xffffffff): string =>
  String.fromCharCode(tag, 0, permissions, 0, id & 255, (id >> 8) & 255, (id >> 16) & 255, (id >> 24) & 255);

/** An ACL that lets the user write, by itself or by its group, or that lets nobody but the owner. */
function aclOf(kind: Acl): string {
  const user = kind === 'group' ? '' : aclEntry(2, 6, USER.uid);
  const group = kind === 'user' ? '' : aclEntry(8, 6, 2000);
  const mask = kind === 'mask' ? 4 : 6;
  const entries = [aclEntry(1, 6), user, aclEntry(4, 4), group, aclEntry(16, mask), aclEntry(32, 4)];
  return `\x02\0\0\0${entries.join('')}`;
}

interface Subject {
  readonly owner: number;
  readonly group: number;
  readonly acl: Acl;
  readonly capability: boolean;
  readonly layer: (typeof LAYERS)[number];
}

/** Every owner × group × ACL × capability × layer; where there is one user only, what can be his. */
function subjects(oneUser: boolean): Subject[] {
  return (oneUser ? [ROOT.uid] : OWNERS).flatMap((owner) =>
    (oneUser ? [ROOT.gid] : GROUPS).flatMap((group) =>
      (oneUser ? ACLS.slice(0, 1) : ACLS).flatMap((acl) =>
        CAPABILITIES.flatMap((capability) =>
          LAYERS.map((layer) => ({ owner, group, acl, capability, layer })),
        ),
      ),
    ),
  );
}

/** Has no divisor in common with the number of subjects: steps of it visit them all. */
const STRIDE = 29;

/**
 * Rows of every mode × operation × caller, each with some of the subjects, in turn.
 * @param subjectsEach how many of them; all of them (144) make 234,000 rows
 * @param oneUser the place has no user but root
 */
export function matrix(subjectsEach: number, oneUser: boolean): Row[] {
  const all = subjects(oneUser);
  const rows: Row[] = [];
  let turn = 0;
  const callers = oneUser ? (['root'] as const) : (Object.keys(CALLERS) as Caller[]);
  for (const caller of callers) {
    for (const operation of OPERATIONS) {
      for (const mode of MODES) {
        for (let i = 0; i < Math.min(subjectsEach, all.length); i++) {
          rows.push(rowOf(rows.length, caller, operation, mode, all[(turn++ * STRIDE) % all.length]!));
        }
      }
    }
  }
  return rows;
}

function rowOf(
  number: number,
  caller: Caller,
  operation: OperationName,
  mode: number,
  { owner, group, acl, capability, layer }: Subject,
): Row {
  const xattrs = {
    'user.there': 'x',
    ...(acl === 'none' ? {} : { 'system.posix_acl_access': aclOf(acl) }),
    ...(capability ? { 'security.capability': NET_RAW } : {}),
  };
  const folder = operation === 'unlink' || operation === 'rename' ? 'sticky' : 'open';
  const words = [`0${mode.toString(8)}`, `${owner}:${group}`, `acl ${acl}`, capability ? 'caps' : 'no caps'];
  return {
    caller,
    operation,
    layer,
    path: `${folder}/${number}`,
    entry: file('0123456789', { mode, uid: owner, gid: group, xattrs }),
    title: `${operation} by ${caller} of ${words.join(', ')}, ${layer}`,
  };
}
