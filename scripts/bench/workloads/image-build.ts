/** An image built by buildah, which mounts every step's layers with the target as its mount program. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildContext } from '../fixtures/build-context';
import { unmountBelow } from '../scratch';
import type { Sizes } from '../sizes';
import type { ContainerStorage } from '../targets';
import { expect, thousands, type Workload, workload } from './workload';

export const imageBuild = (sizes: Sizes): Workload[] => [
  workload({
    name: 'buildah',
    fixture: buildContext,
    form: 'none',
    suits: ({ containers }) => containers !== undefined,
    steps: [
      {
        row: `\`buildah build\`, 5 steps, ${thousands(sizes.untarred)} files`,
        run: async ({ target, fixture, load, aside }) => {
          const out = join(aside, 'buildah.out');
          try {
            const argv = [
              ...['buildah', '--root', join(aside, 'root'), '--runroot', join(aside, 'run')],
              ...storageOptions(target.containers!, aside),
              ...['build', '--layers', '--isolation', 'chroot', '--tag', 'bench'],
              ...['--signature-policy', join(fixture.root, 'policy.json'), fixture.root],
            ];
            const { ms } = await load('run', [out, ...argv]);
            expect('files left in the image', lastCount(readFileSync(out, 'utf8')), fixture.left);
            return ms;
          } finally {
            unmountBelow(aside);
          }
        },
      },
    ],
  }),
];

function storageOptions({ driver, mountProgram }: ContainerStorage, aside: string): string[] {
  if (!mountProgram) return ['--storage-driver', driver];
  const { argv, extraOption } = mountProgram;
  const script = join(aside, 'mount-program');
  // Called as: mount-program -o OPTIONS MOUNTPOINT.
  const options = extraOption ? `"$2,${extraOption}"` : '"$2"';
  writeFileSync(script, `#!/bin/sh\nexec ${argv.join(' ')} "$1" ${options} "$3"\n`, { mode: 0o755 });
  return ['--storage-driver', driver, '--storage-opt', `overlay.mount_program=${script}`];
}

/** The count in the last line that a load of the build printed. */
function lastCount(output: string): number {
  const lines = output.match(/^\d+\.\d+ \d+ \d+ \d+$/gm);
  return Number(lines?.at(-1)?.split(' ')[1]);
}
