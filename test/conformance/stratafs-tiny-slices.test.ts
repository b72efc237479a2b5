/** The suites that list and empty directories, over stratafs in very small slices. */
import { readdirSuite } from '../suites/readdir';
import { removeSuite } from '../suites/remove';
import { whiteoutFormatsSuite } from '../suites/whiteout-formats';
import { tinySlices } from '../support/targets';

describe(tinySlices.name, () => {
  for (const suite of [readdirSuite, removeSuite, whiteoutFormatsSuite]) suite(tinySlices);
});
