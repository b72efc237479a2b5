/** Rights are those of the kernel's overlayfs, row by row. */
import {
  cached,
  kernel,
  kernelRootless,
  passthrough,
  rootless,
  type Target,
  unseeing,
} from '../support/targets';
import { matrix, type Row } from './matrix';
import { outcomesOn, unlike } from './outcomes';

const SUBJECTS_EACH = Number(process.env.STRATAFS_RIGHTS ?? 3);
const SECONDS = 3_600_000;

function compare(name: string, oracle: Target, targets: readonly Target[]): void {
  describe(name, () => {
    const rows = matrix(SUBJECTS_EACH, !oracle.traits.privileged);
    let due: Awaited<ReturnType<typeof outcomesOn>>;
    beforeAll(async () => {
      due = await outcomesOn(oracle, rows);
    }, SECONDS);

    test.each(targets)(
      'the same on $name as on the kernel’s overlayfs',
      async (target) => expect(unlike(rows, await outcomesOn(target, rows), due, target)).toEqual([]),
      SECONDS,
    );
  });
}

compare('as root', kernel, [passthrough, cached]);
compare('as an ordinary user', kernelRootless, [rootless]);

describe('where /proc does not show the caller', () => {
  const ofUser = (operation: RegExp) => (row: Row) =>
    row.caller === 'user' && operation.test(row.operation) && !row.title.includes('1001:');
  const rows = matrix(12, false).filter(ofUser(/chown -1 -1|fd (write|append|fallocate|copy)/));

  test.each([unseeing(passthrough), unseeing(cached)])(
    'a write on $name clears what it must, and a chown nothing that it may not',
    async (target) => {
      const [due, outcomes] = [await outcomesOn(kernel, rows), await outcomesOn(target, rows)];
      const wrong = rows.flatMap(({ title, operation }, at) => {
        const [is, should] = [outcomes[at]!, due[at]!].map(({ said }) => said.split(' '));
        const refused = operation === 'chown -1 -1' && should![0] === 'EPERM';
        // Bits that a member's write keeps may go.
        const right = refused
          ? is![1] === should![1] && is![3] === should![3]
          : operation.endsWith('chown -1 -1') ||
            (is![0] === 'OK' && (Number.parseInt(is![1]!, 8) & ~Number.parseInt(should![1]!, 8)) === 0);
        return right ? [] : [`${title}\n    due ${should!.join(' ')}\n    is  ${is!.join(' ')}`];
      });
      expect(wrong).toEqual([]);
    },
    SECONDS,
  );
});
