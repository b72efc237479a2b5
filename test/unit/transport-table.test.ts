/** The README's table of the two transports says what their manifests say. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLogger } from '../../lib/base/log';
import { KernelTransport } from '../../lib/fuse/kernel-transport';
import { SUPPORTS } from '../../lib/fuse-native/supports';
import type { Supports } from '../../lib/vfs/transport';

test('README.md has a row for each capability, as the manifests have it', () => {
  const text = readFileSync(join(__dirname, '../../../README.md'), 'utf8');
  const rows = [...text.matchAll(/^\| `(\w+)` \| (yes|no) \| (yes|no) \|/gm)];
  const column = (at: number) => Object.fromEntries(rows.map((row) => [row[1], row[at] === 'yes']));
  const log = createLogger({ level: 'silent', file: null });
  const kernel: Supports = new KernelTransport({ log, trace: null }).supports;
  expect(column(2)).toEqual(kernel);
  expect(column(3)).toEqual(SUPPORTS);
});
