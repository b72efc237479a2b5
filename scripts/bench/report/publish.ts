/** Where results go: a JSON file, and on request the README's table and the chart. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { chart } from './chart';
import type { Report } from './report';
import { markdownTable } from './table';

export function writeJson(path: string, report: Report): void {
  mkdirSync(dirname(path), { recursive: true });
  replaceFile(path, `${JSON.stringify(report, null, 1)}\n`);
}

export function writeChart(path: string, report: Report): void {
  replaceFile(path, chart(report));
}

/** Puts the table between `<!-- MARKER:start -->` and `<!-- MARKER:end -->`. */
export function writeReadme(path: string, marker: string, report: Report): void {
  const [start, end] = [`<!-- ${marker}:start -->`, `<!-- ${marker}:end -->`];
  const text = readFileSync(path, 'utf8');
  const [from, to] = [text.indexOf(start), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${path} has no lines "${start}" and "${end}"`);
  replaceFile(path, `${text.slice(0, from + start.length)}\n${markdownTable(report)}\n${text.slice(to)}`);
}

/** A reader sees the old file or the new one; what a crash leaves is a `.new` file beside it. */
function replaceFile(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}
