/**
 * The chart: one line per row, one dot per target, at its time divided by the kernel overlayfs's, on a log scale.
 * Less than a twentieth is drawn at a twentieth (plain directories copy nothing up).
 * Rows without a time of overlayfs (memory, idle CPU) are not drawn.
 */
import { KERNEL_PEER, median, type Report } from './report';

const COLORS = ['#8a8a8a', '#000000', '#d1730d', '#b8b000', '#0b62c4', '#12a06a', '#a13fc0'];
const LEFT = 330;
const RIGHT = 30;
const PLOT = 620;
const TOP = 92;
const LINE = 21;
const LEAST = 0.05;

export function chart(report: Report): string {
  const rows = report.rows.flatMap(({ row, unit, samples }) => {
    const base = unit === 'ms' ? median(samples[KERNEL_PEER]) : undefined;
    if (!base) return [];
    const dots = report.targets.flatMap(({ name, ours }, i) => {
      const value = median(samples[name]);
      return value ? [{ ratio: value / base, ours, name, color: COLORS[i % COLORS.length]! }] : [];
    });
    return [{ row: row.replaceAll('`', ''), dots }];
  });
  const ratios = rows.flatMap(({ dots }) => dots.map(({ ratio }) => ratio));
  const low = Math.max(Math.log10(LEAST), Math.floor(Math.log10(Math.min(...ratios, 1)) * 2) / 2);
  const high = Math.ceil(Math.log10(Math.max(...ratios, 10)) * 2) / 2;
  const x = (ratio: number) => LEFT + ((Math.log10(Math.max(ratio, LEAST)) - low) / (high - low)) * PLOT;
  const y = (index: number) => TOP + 12 + index * LINE;
  const width = LEFT + PLOT + RIGHT;
  const height = y(rows.length) + 12;

  const grid = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]
    .filter((ratio) => Math.log10(ratio) >= low && Math.log10(ratio) <= high)
    .map(
      (ratio) =>
        `<line x1="${x(ratio)}" x2="${x(ratio)}" y1="${TOP}" y2="${height - 16}" stroke="${ratio === 1 ? '#000' : '#ddd'}"/>` +
        text(x(ratio), TOP - 6, `${ratio}×`, 'middle'),
    );
  let at = 16;
  const legend = report.targets.map(({ name, ours }, i) => {
    const entry = dot(at, 44, COLORS[i % COLORS.length]!, ours, name) + text(at + 10, 48, name, 'start');
    at += 34 + name.length * 7;
    return entry;
  });
  const lines = rows.map(({ row, dots }, i) => {
    const marks = dots.map(({ ratio, color, ours, name }) =>
      dot(x(ratio), y(i), color, ours, `${name}: ${ratio.toFixed(2)}×`),
    );
    const guide = `<line x1="${LEFT}" x2="${LEFT + PLOT}" y1="${y(i)}" y2="${y(i)}" stroke="#eee"/>`;
    return guide + text(LEFT - 10, y(i) + 4, row, 'end') + marks.join('');
  });
  const title = `Time relative to the kernel's overlayfs (log scale, left is faster); ${report.date.slice(0, 10)}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    `<g font-weight="bold">${text(16, 22, title, 'start')}</g>`,
    ...legend,
    ...grid,
    ...lines,
    '</svg>\n',
  ].join('\n');
}

/** Ours are full and large, the others small. */
function dot(cx: number, cy: number, color: string, ours: boolean, title: string): string {
  return `<circle cx="${cx.toFixed(1)}" cy="${cy}" r="${ours ? 6 : 4}" fill="${color}" fill-opacity="0.85"><title>${escapeXml(title)}</title></circle>`;
}

function text(x: number, y: number, words: string, anchor: 'start' | 'middle' | 'end'): string {
  return `<text x="${x.toFixed(1)}" y="${y}" text-anchor="${anchor}">${escapeXml(words)}</text>`;
}

const escapeXml = (words: string) =>
  words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
