/** The one table: as cells, for a terminal, and as Markdown. */
import Table from 'cli-table3';
import { FUSE_PEER, KERNEL_PEER, median, type Report, type Row } from './report';

interface Column {
  readonly title: string;
  cell(row: Row): string;
}

/**
 * A column per target. Behind each of ours: how many times faster than fuse-overlayfs it is, and how many times
 * overlayfs's time it takes; ✗ marks a missed goal.
 */
function columns(report: Report): Column[] {
  return report.targets.flatMap(({ name, ours }): Column[] => {
    const value = { title: name.replace('-', '-\n'), cell: (row: Row) => figure(median(row.samples[name])) };
    if (!ours) return [value];
    return [
      value,
      { title: '× vs\nfuse-o.', cell: (row) => faster(row, name) },
      { title: '× vs\noverlayfs', cell: (row) => slower(row, name) },
    ];
  });
}

function faster(row: Row, target: string): string {
  const ratio = quotient(row, FUSE_PEER, target);
  return ratio === undefined ? '–' : mark(ratio, ratio >= (row.goal?.faster ?? 0));
}

function slower(row: Row, target: string): string {
  const ratio = quotient(row, target, KERNEL_PEER);
  return ratio === undefined ? '–' : mark(ratio, ratio <= (row.goal?.atMost ?? Number.POSITIVE_INFINITY));
}

function quotient(row: Row, above: string, below: string): number | undefined {
  const [dividend, divisor] = [median(row.samples[above]), median(row.samples[below])];
  return dividend === undefined || !divisor ? undefined : dividend / divisor;
}

const mark = (ratio: number, met: boolean) => `${ratio.toFixed(ratio < 10 ? 2 : 1)}×${met ? '' : ' ✗'}`;

function goal({ goal }: Row): string {
  const parts = [goal?.faster && `≥ ${goal.faster}×`, goal?.atMost && `≤ ${goal.atMost}×`];
  return parts.filter(Boolean).join(', ');
}

function figure(value: number | undefined): string {
  if (value === undefined) return '–';
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
}

const name = ({ row, unit }: Row) => (unit === 'ms' ? row : `${row}, ${unit}`);

function cells(report: Report): { head: string[]; body: string[][] } {
  const all = columns(report);
  const hasGoals = report.rows.some((row) => row.goal) && report.targets.some(({ ours }) => ours);
  const tail = (row: Row) => (hasGoals ? [goal(row)] : []);
  return {
    head: ['ms, median', ...all.map(({ title }) => title), ...(hasGoals ? ['goal'] : [])],
    body: report.rows.map((row) => [name(row), ...all.map(({ cell }) => cell(row)), ...tail(row)]),
  };
}

/** What stands below the table in every form. */
export function remarks(report: Report): string[] {
  const ratios = report.targets.some(({ ours }) => ours)
    ? [
        `“× vs fuse-o.” is how many times faster than ${FUSE_PEER}, “× vs overlayfs” how many times the time of ` +
          "the kernel's overlayfs (memory and CPU likewise); ✗ marks a missed goal",
      ]
    : [];
  const host = Object.entries(report.host).map(([key, value]) => `${key} ${value}`);
  return [
    `${report.rounds} interleaved rounds, fresh mount each, scratch on ${report.scratch}` +
      `${report.quick ? ', quick sizes (not for comparison)' : ''}; ${report.date}; \`${report.command}\``,
    host.join(', '),
    ...ratios,
    ...report.notes,
    ...report.skipped.map((line) => `skipped: ${line}`),
    ...report.failures.map(({ row, target, why }) => `failed: ${target}, ${row}: ${why}`),
  ];
}

export function terminalTable(report: Report): string {
  const { head, body } = cells(report);
  const colAligns = head.map((_, i): 'left' | 'right' => (i === 0 ? 'left' : 'right'));
  const table = new Table({ head, colAligns, style: { head: [], border: [], compact: true } });
  table.push(...body);
  return `${table.toString()}\n${remarks(report).join('\n')}\n`;
}

export function markdownTable(report: Report): string {
  const { head, body } = cells(report);
  const line = (row: readonly string[]) =>
    `| ${row.map((cell) => cell.replaceAll('|', '\\|').replaceAll('-\n', '-').replaceAll('\n', ' ')).join(' | ')} |`;
  const rule = `|${head.map((_, i) => (i === 0 ? '---' : '--:')).join('|')}|`;
  const list = remarks(report).map((remark) => `- ${remark}`);
  return [line(head), rule, ...body.map(line), '', ...list].join('\n');
}
