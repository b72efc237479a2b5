/** Every target. */
import type { FuzzTarget } from '../target';
import { INDEX_TARGETS } from './index-records';
import { LAYER_TARGETS } from './layer-xattrs';
import { TEXT_TARGETS } from './text';
import { WIRE_TARGETS } from './wire';

export const TARGETS: readonly FuzzTarget[] = [
  ...WIRE_TARGETS,
  ...LAYER_TARGETS,
  ...INDEX_TARGETS,
  ...TEXT_TARGETS,
];
