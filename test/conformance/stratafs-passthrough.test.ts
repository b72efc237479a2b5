/** With kernel passthrough: the kernel reads and writes the layers' files by itself. */
import { everySuite } from '../suites/every-suite';
import { passthrough } from '../support/targets';

everySuite(passthrough);
