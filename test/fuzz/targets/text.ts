/** Decoders of text: options, mountinfo and other files of /proc, what processes of ours tell each other. */
import { readFileSync } from 'node:fs';
import { normalizeWords } from '../../../daemon/cli/argv';
import { readMountWords } from '../../../daemon/cli/mount-arguments';
import { splitLayers, splitOptionString, unescapeValue } from '../../../daemon/cli/option-string';
import { parseReport } from '../../../daemon/mount/detached-talk';
import { parseMountInfo, topMountAt } from '../../../daemon/mount/mount-table';
import { parseStartTime } from '../../../daemon/mount/process-id';
import { parseRecord } from '../../../daemon/mount/runtime-dir';
import { parseCounters } from '../../../daemon/mount/status-socket';
import { type ByteString, bytesOf, isByteString, printable, shown } from '../../../lib/base/bytes';
import { UserError } from '../../../lib/base/errors';
import { EXIT } from '../../../lib/base/exit-codes';
import { parseLastMount } from '../../../lib/index/inspect-index';
import { type FuzzTarget, must, pure } from '../target';

const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

function escaped(value: string): string {
  return value.replace(/[\\,:]/g, '\\$&');
}

const optionString = pure(
  'option-string',
  [
    'lowerdir=app:base,upperdir=rw,workdir=wk',
    'ro,,noatime,xino=on',
    'upperdir=a\\,b\\\\,lowerdir=a\\:b::c\\',
  ],
  (input) => {
    const text = bytesOf(input);
    const items = splitOptionString(text);
    // Splitting loses nothing but empty options.
    const again = items.map(({ name, value }) => (value === null ? name : `${name}=${value}`)).join(',');
    must(
      JSON.stringify(splitOptionString(again as ByteString)) === JSON.stringify(items),
      'splits differently',
    );
    // Any bytes can be said.
    const layers = text.split('\0') as ByteString[];
    const said = `lowerdir=${layers.map(escaped).join(':')},ro` as ByteString;
    const [lower, ro, ...rest] = splitOptionString(said);
    must(lower?.name === 'lowerdir' && ro?.name === 'ro' && rest.length === 0, 'an option is another');
    must(JSON.stringify(splitLayers(lower!.value!)) === JSON.stringify(layers), 'a layer is another');
    must(unescapeValue(escaped(text) as ByteString) === text, 'a value is another');
  },
);

const mountWords = pure(
  'mount-words',
  [
    'lowerdir=app:base,upperdir=rw,workdir=wk\0\0\0MNT',
    '\0base\0\0MNT',
    'lowerdir=a,log-file=x,io=cached,index=/i,fsync=never\0\0\0a\0b',
  ],
  (input) => {
    const [options = '', lower = '', name = '', ...positionals] = bytesOf(input).split('\0') as ByteString[];
    const words = {
      options: options === '' ? [] : [options],
      lowers: lower === '' ? [] : [lower],
      uppers: [],
      works: [],
      flags: new Map(name === '' ? [] : [[name as string, positionals[0] ?? null]]),
      positionals,
    };
    must(
      normalizeWords(bytesOf(input).split('\0') as ByteString[], new Map([['--xino', 'on']])).length >= 0,
      '',
    );
    try {
      const { config } = readMountWords(words);
      must(
        config.lowers.every((path) => path.startsWith('/')),
        'a layer is not absolute',
      );
      must(config.mountpoint.startsWith('/'), 'the mountpoint is not absolute');
      must(isByteString(config.logFile ?? ''), 'the log file is no path');
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      must(error.exitCode === EXIT.USAGE, 'a wrong exit code');
      must(!UNPRINTABLE.test(error.message + error.hint), 'the message has control characters');
    }
  },
);

const shownNames = pure(
  'shown-names',
  ['name', 'a\xff\xc3\xa9\x1b[0m\\', '\xe2\x80\xae\xf0\x9f\x99\x82'],
  (input) => {
    const text = shown(bytesOf(input));
    must(!UNPRINTABLE.test(text) && printable(text) === text, 'a control character is shown');
  },
);

const mountInfo = pure('mountinfo', [readFileSync('/proc/self/mountinfo')], (input) => {
  const table = parseMountInfo(input.toString('latin1'));
  for (const { mountpoint, source, type } of table) {
    must(isByteString(mountpoint) && isByteString(source) && typeof type === 'string', 'a field is no path');
  }
  topMountAt('/' as ByteString, table);
});

const procStat = pure('proc-stat', [readFileSync('/proc/self/stat'), '1 (a) b) (c) R 1 1'], (input) => {
  const time = parseStartTime(input.toString('latin1'));
  must(time === null || Number.isSafeInteger(time), 'no time');
});

const RECORD = JSON.stringify({
  pid: 5,
  startTime: 7,
  log: '/l',
  config: { mountpoint: '/m', lowers: ['/a', '/b'], upper: null, work: null },
});

/** Everything that is read as JSON; the first byte says as what. */
const json = pure(
  'control-json',
  [
    `0${RECORD}`,
    '1{"ready":true}',
    '1{"ready":false,"error":{"code":"c","message":"m","hint":"","exitCode":3,"stack":"s"}}',
    '2{"nodes":1,"handles":0}',
    '3{"begun":1,"saved":2,"hits":3}',
  ],
  (input) => {
    const text = input.toString('utf8', 1);
    switch (input[0]! & 3) {
      case 0: {
        const record = parseRecord(text);
        if (record === null) return;
        const { mountpoint, upper, lowers } = record.config;
        must(mountpoint.startsWith('') && lowers.every(isByteString), 'no path');
        must(upper === null || isByteString(upper), 'no upper');
        return;
      }
      case 1: {
        const report = parseReport(text);
        if (report?.error)
          must(report.error.exitCode > 0 && typeof report.error.hint === 'string', 'no error');
        return;
      }
      case 2:
        for (const value of Object.values(parseCounters(text) ?? {}))
          must(typeof value === 'number', 'no number');
        return;
      default: {
        const last = parseLastMount(text);
        if (last !== null) must(typeof last.begun === 'number', 'no time');
      }
    }
  },
  [
    '0null',
    '0{"config":null}',
    '0{"config":{"mountpoint":"/m"}}',
    '1null',
    '1{"ready":false}',
    '2null',
    '2[1]',
    '3"x"',
    '3',
  ],
);

export const TEXT_TARGETS: readonly FuzzTarget[] = [
  optionString,
  mountWords,
  shownNames,
  mountInfo,
  procStat,
  json,
];
