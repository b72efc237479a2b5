/** Through READ and WRITE and the kernel's page cache. */
import { everySuite } from '../suites/every-suite';
import { cached } from '../support/targets';

everySuite(cached);
