/** Through libfuse 2.9 and the package fuse-native, within what its manifest says. */
import { everySuite } from '../suites/every-suite';
import { fuseNative } from '../support/targets';

everySuite(fuseNative);
