/** Which workloads make up which table. */
import type { Sizes } from '../sizes';
import { copyUp } from './copy-up';
import { crowd } from './crowd';
import { deep } from './deep';
import { footprint, memory } from './footprint';
import { imageBuild } from './image-build';
import { metadata } from './metadata';
import { names } from './names';
import { parallel } from './parallel';
import { reading } from './reading';
import { realWork } from './real-work';
import { stalls } from './stalls';
import type { Workload } from './workload';
import { writing } from './writing';

export type Suite = 'main' | 'deep';

const MAIN = [
  metadata,
  reading,
  writing,
  names,
  copyUp,
  parallel,
  crowd,
  realWork,
  imageBuild,
  footprint,
  stalls,
];

export const suite = (name: Suite, sizes: Sizes): Workload[] =>
  name === 'deep' ? deep(sizes) : MAIN.flatMap((family) => family(sizes));

export const million = (): Workload => memory(1_000_000);
