/** In a user namespace, as an ordinary user mounts it; the oracle there is the kernel's rootless overlayfs. */
import { everySuite } from '../suites/every-suite';
import { rootless } from '../support/targets';

everySuite(rootless);
