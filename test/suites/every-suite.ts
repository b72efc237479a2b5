/** All families of the conformance suite, for one target. */
import type { Target } from '../support/targets';
import { aclsSuite } from './acls';
import { attributesSuite } from './attributes';
import { copyUpSuite } from './copy-up';
import { dataSuite } from './data';
import { layerCountsSuite } from './layer-counts';
import { leasesSuite } from './leases';
import { linksSuite } from './links';
import { locksSuite } from './locks';
import { lookupSuite } from './lookup';
import { mappingSuite } from './mappings';
import { namesSuite } from './names';
import { oldReadersSuite } from './old-readers';
import { openSuite } from './open';
import { openUnlinkedSuite } from './open-unlinked';
import { permissionsSuite } from './permissions';
import { protectionSuite } from './protection';
import { readOnlySuite } from './read-only';
import { readdirSuite } from './readdir';
import { refusalsSuite } from './refusals';
import { removeSuite } from './remove';
import { renameSuite } from './rename';
import { specialFilesSuite } from './special-files';
import { whiteoutFormatsSuite } from './whiteout-formats';
import { xattrsSuite } from './xattrs';

const suites: readonly ((target: Target) => void)[] = [
  lookupSuite,
  readdirSuite,
  openSuite,
  dataSuite,
  mappingSuite,
  attributesSuite,
  namesSuite,
  linksSuite,
  removeSuite,
  renameSuite,
  xattrsSuite,
  aclsSuite,
  specialFilesSuite,
  permissionsSuite,
  protectionSuite,
  openUnlinkedSuite,
  copyUpSuite,
  oldReadersSuite,
  whiteoutFormatsSuite,
  locksSuite,
  leasesSuite,
  layerCountsSuite,
  readOnlySuite,
  refusalsSuite,
];

export function everySuite(target: Target): void {
  describe(target.name, () => {
    for (const suite of suites) suite(target);
  });
}
