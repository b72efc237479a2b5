/** The oracle: every expectation in the suites is what the kernel's own overlayfs does. */
import { everySuite } from '../suites/every-suite';
import { kernel } from '../support/targets';

everySuite(kernel);
