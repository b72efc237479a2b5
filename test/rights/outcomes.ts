/** Executes the rows of the rights matrix on a target. */
import { join } from 'node:path';
import { dir, type Entry, file } from '../support/layers';
import { Stack } from '../support/stack';
import type { Target } from '../support/targets';
import { CALLERS, type Row } from './matrix';

const SCRIPT = join(__dirname, '../../../test/rights/execute.py');
const FOLDERS = { open: dir({ mode: 0o777 }), sticky: dir({ mode: 0o1777 }) };

/** What came of a row: what execute.py says, and whether the upper layer has the file. */
export interface Outcome {
  readonly said: string;
  readonly copied: boolean;
}

export async function outcomesOn(target: Target, rows: readonly Row[]): Promise<Outcome[]> {
  const entriesOf = (layer: Row['layer']): Record<string, Entry> =>
    Object.fromEntries(rows.filter((row) => row.layer === layer).map(({ path, entry }) => [path, entry]));
  const stack = await Stack.open(target, {
    upper: { ...FOLDERS, ...entriesOf('upper') },
    lowers: [{ ...FOLDERS, source: file('source'), ...entriesOf('lower') }],
  });
  try {
    const asked = { callers: CALLERS, rows: rows.map((row) => [row.caller, row.operation, row.path]) };
    await stack.layers.fs.put('rows', JSON.stringify(asked));
    const argv = ['/usr/bin/python3', '-I', SCRIPT, stack.mountpoint, join(stack.base, 'rows')];
    const { status, out, err } = await stack.fs.run(argv);
    if (status !== 0) throw new Error(`${target.name}: ${err}`);
    const upper = new Set<string>();
    for (const folder of Object.keys(FOLDERS)) {
      for (const name of await stack.layers.fs.names(`upper/${folder}`)) upper.add(`${folder}/${name}`);
    }
    return (JSON.parse(out) as string[]).map((said, at) => ({ said, copied: upper.has(rows[at]!.path) }));
  } finally {
    await stack.close();
  }
}

/** The rows that came out otherwise than they are due, in words. */
export function unlike(
  rows: readonly Row[],
  outcomes: readonly Outcome[],
  due: readonly Outcome[],
  target: Target,
): string[] {
  return rows.flatMap((row, at) => {
    const [is, should] = [outcomes[at]!, due[at]!].map((outcome) => shown(row, outcome, target));
    return is === should ? [] : [`${row.title}\n    due ${should}\n    is  ${is}`];
  });
}

/** What is to be compared: a file that is copied up at its first write only is as it was once it is opened. */
function shown({ operation }: Row, { said, copied }: Outcome, { traits }: Target): string {
  if (traits.copiesUpAtOpen || !/^(open|fd)/.test(operation)) return `${said}${copied ? ' copied' : ''}`;
  return operation === 'open' ? said.replace(/ ctime=.*/, '') : said;
}
