/** The oracle in a user namespace: what an ordinary user may expect. */
import { everySuite } from '../suites/every-suite';
import { kernelRootless } from '../support/targets';

everySuite(kernelRootless);
