#!/usr/bin/env node
import { join } from 'node:path';
/** `npm run bench`: measures stratafs beside its peers and prints one table. See README.md in scripts/bench. */
import { getuid } from 'node:process';
import { parseArgs } from 'node:util';
import { emptyStack } from './fixtures/big-file';
import { Fixtures } from './fixtures/fixtures';
import { compileLoad, ROOT } from './load';
import { makePlace, measure } from './measure';
import { writeChart, writeJson, writeReadme } from './report/publish';
import { describeHost, median, type Report } from './report/report';
import { terminalTable } from './report/table';
import { openScratch, type Scratch } from './scratch';
import { FULL, QUICK } from './sizes';
import { TARGETS, type Target, whyNot } from './targets';
import { flatness } from './workloads/deep';
import { million, type Suite, suite } from './workloads/suites';

const USAGE = `usage: npm run bench -- [options]        (as root; needs gcc)
  --deep           the deep stacks (1 to 200 lower layers) instead of the main table
  --rounds N       interleaved rounds, default 3
  --only REGEX     workloads whose name or row matches
  --targets A,B    of: ${TARGETS.map(({ name }) => name).join(', ')}
  --quick          small sizes: to try the benchmark, not to compare
  --million        also the memory after 1,000,000 lookups
  --disk DIR       work in DIR instead of /dev/shm, with the page cache dropped before every mount
  --json FILE      default scripts/bench/results/SUITE.json; of --quick, --only or --targets: none
  --readme         rewrite the table in README.md, and the chart
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      deep: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '3' },
      only: { type: 'string', default: '' },
      targets: { type: 'string' },
      quick: { type: 'boolean', default: false },
      million: { type: 'boolean', default: false },
      disk: { type: 'string' },
      json: { type: 'string' },
      readme: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const rounds = Number(values.rounds);
  if (values.help || !Number.isInteger(rounds) || rounds < 1) {
    process.stderr.write(USAGE);
    return values.help ? 0 : 2;
  }
  if (getuid?.() !== 0) throw new Error("the benchmark mounts the kernel's overlayfs: run it as root");
  const whole = !values.only && !values.targets;
  if (values.readme && !whole)
    throw new Error('--readme publishes whole tables: not with --only or --targets');

  const name: Suite = values.deep ? 'deep' : 'main';
  const sizes = values.quick ? QUICK : FULL;
  const wanted = new RegExp(values.only, 'i');
  const workloads = [...suite(name, sizes), ...(values.million ? [million()] : [])].filter(
    (workload) => wanted.test(workload.name) || workload.steps.some(({ row }) => wanted.test(row)),
  );
  if (workloads.length === 0) throw new Error(`no workload matches ${values.only}`);
  const scratch = openScratch(values.disk ?? null);
  const fixtures = new Fixtures(scratch, sizes, await compileLoad(scratch.dir));
  const { targets, left } = await chooseTargets(fixtures, scratch, name, values.targets);

  const progress = (line: string) => process.stderr.write(`${line}\n`);
  const dropCaches = values.disk !== undefined;
  const measured = await measure({ workloads, targets, rounds, fixtures, dropCaches, progress });

  const ours = targets.filter((target) => target.ours).map((target) => target.name);
  const sampled = (row: string, target: string) =>
    median(measured.rows.find((each) => each.row === row)?.samples[target]);
  const report: Report = {
    version: 1,
    suite: name,
    date: new Date().toISOString(),
    command: ['npm run bench', ...(process.argv.length > 2 ? ['--'] : []), ...process.argv.slice(2)].join(
      ' ',
    ),
    rounds,
    quick: values.quick,
    scratch: values.disk ?? 'tmpfs',
    host: describeHost(),
    targets: targets.map((target) => ({ name: target.name, ours: target.ours })),
    rows: measured.rows,
    skipped: [...left, ...measured.skipped],
    failures: measured.failures,
    notes: values.deep ? flatness(sizes, ours, sampled) : [],
  };
  process.stdout.write(terminalTable(report));
  const standing = whole && !values.quick ? join(ROOT, `scripts/bench/results/${name}.json`) : undefined;
  const json = values.json ?? standing;
  if (json) writeJson(json, report);
  if (values.readme) {
    writeReadme(join(ROOT, 'README.md'), values.deep ? 'bench-deep' : 'bench', report);
    writeChart(join(ROOT, values.deep ? 'scripts/bench/chart-deep.svg' : 'scripts/bench/chart.svg'), report);
  }
  return report.failures.some(({ target }) => ours.includes(target)) ? 1 : 0;
}

/** Targets asked for must work; of the usual ones those that do not are left out, with the reason. */
async function chooseTargets(fixtures: Fixtures, scratch: Scratch, name: Suite, asked: string | undefined) {
  const names = asked?.split(',');
  const unknown = names?.find((each) => !TARGETS.some((target) => target.name === each));
  if (unknown) throw new Error(`unknown target ${unknown}`);
  const usual = (target: Target) => name === 'main' || target.ours || DEEP_PEERS.includes(target.name);
  const targets: Target[] = [];
  const left: string[] = [];
  for (const target of TARGETS.filter((each) => (names ? names.includes(each.name) : usual(each)))) {
    const why = await whyNot(target, await fixtures.get(emptyStack), makePlace(scratch.folder('trial')));
    if (why === null) targets.push(target);
    else if (names) throw new Error(`${target.name}: ${why}`);
    else left.push(`${target.name}: ${why}`);
  }
  for (const line of left) process.stderr.write(`left out: ${line}\n`);
  return { targets, left };
}

const DEEP_PEERS = ['overlayfs', 'fuse-overlayfs'];

main().then(
  (code) => process.exit(code),
  (error: Error) => {
    process.stderr.write(`bench: ${error.message}\n`);
    process.exit(1);
  },
);
