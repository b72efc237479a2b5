/** Where lines go: whatever happens there, nothing is thrown, nothing waits, and what is lost is counted. */

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bytesFromText } from '../../lib/base/bytes';
import { createLogger } from '../../lib/base/log';
import { MAX_LOG_BYTES, openLogFile, removeLogFile } from '../../lib/base/log-file';
import { LogWriter } from '../../lib/base/log-writer';

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'stratafs-log-'));
});
afterEach(() => rmSync(scratch, { recursive: true }));

const inScratch = (name: string) => join(scratch, name);
const opened = (name: string) => openLogFile(bytesFromText(inScratch(name)));
const textIn = (name: string) => readFileSync(inScratch(name), 'utf8');

test('lines arrive in their order', async () => {
  const writer = new LogWriter(opened('log'));
  for (let i = 0; i < 1000; i++) writer.write(`${i}\n`);
  await writer.drained();
  expect(textIn('log')).toBe(Array.from({ length: 1000 }, (_, i) => `${i}\n`).join(''));
  expect(statSync(inScratch('log')).mode & 0o7777).toBe(0o600);
});

test('a full file becomes FILE.1, and one of before goes', async () => {
  const file = opened('log');
  const replaced: number[] = [];
  const writer = new LogWriter(file, (fd) => replaced.push(fd));
  const line = `${'x'.repeat(1023)}\n`;
  for (let round = 0; round < 25; round++) {
    for (let i = 0; i < 1000; i++) writer.write(line);
    await writer.drained();
  }
  for (const name of ['log', 'log.1'])
    expect(statSync(inScratch(name)).size).toBeLessThanOrEqual(MAX_LOG_BYTES);
  expect(replaced).toHaveLength(2);
  expect(replaced[1]).toBe(file.fd);
  writer.write('the end\n');
  await writer.drained();
  expect(textIn('log').endsWith('x\nthe end\n')).toBe(true);
  removeLogFile(bytesFromText(inScratch('log')));
  expect(() => textIn('log.1')).toThrow(/ENOENT/);
});

test('a file that was put aside by another process is left, and the new one is used', async () => {
  const file = opened('log');
  const writer = new LogWriter(file);
  writeFileSync(file.fd, 'x'.repeat(MAX_LOG_BYTES));
  execFileSync('mv', [inScratch('log'), inScratch('log.1')]);
  writeFileSync(inScratch('log'), 'of the other\n', { mode: 0o600 });
  // More than its own count of the size lets it look.
  const chunk = `${'y'.repeat((1 << 20) - 1)}\n`.slice(0, 1 << 20);
  for (let i = 0; i < 11; i++) {
    writer.write(chunk);
    await writer.drained();
  }
  expect(textIn('log')).toMatch(/^of the other\ny/);
});

test('a folder that does not allow it costs the old lines', async () => {
  const path = inScratch('mounted');
  mkdirSync(path);
  writeFileSync(join(path, 'log'), '');
  // A mountpoint can be neither renamed nor replaced.
  execFileSync('mount', ['--bind', join(path, 'log'), join(path, 'log')]);
  try {
    const writer = new LogWriter(openLogFile(bytesFromText(join(path, 'log'))));
    for (let i = 0; i < 12; i++) {
      writer.write(`${'z'.repeat((1 << 20) - 1)}\n`);
      await writer.drained();
    }
    expect(statSync(join(path, 'log')).size).toBeLessThanOrEqual(MAX_LOG_BYTES);
  } finally {
    execFileSync('umount', ['-l', join(path, 'log')]);
  }
});

test('a full disk: what is lost is said when there is room again', async () => {
  const disk = inScratch('disk');
  mkdirSync(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'log', disk]);
  try {
    const writer = new LogWriter(openLogFile(bytesFromText(join(disk, 'log'))));
    writeFileSync(join(disk, 'fill'), Buffer.alloc(40 << 10));
    for (let i = 0; i < 100; i++) {
      writer.write(`${i} ${'x'.repeat(500)}\n`);
      if (i % 7 === 0) await writer.drained();
    }
    await writer.drained();
    rmSync(join(disk, 'fill'));
    writer.write('again\n');
    await writer.drained();
    const lines = readFileSync(join(disk, 'log'), 'utf8').split('\n');
    const whole = lines.filter((line) => /^\d+ x{500}$/.test(line)).length;
    const notice = JSON.parse(lines.at(-3)!);
    expect(notice.msg).toMatch(/^\d+ lines of the log were lost: ENOSPC$/);
    expect(whole + Number.parseInt(notice.msg, 10)).toBe(100);
    expect(lines.slice(-2)).toEqual(['again', '']);
  } finally {
    execFileSync('umount', ['-l', disk]);
  }
});

test('a device that is always full', async () => {
  const writer = new LogWriter(openLogFile(bytesFromText('/dev/full')));
  for (let i = 0; i < 5000; i++) writer.write('line\n');
  await writer.drained();
  const log = createLogger({ level: 'info', file: bytesFromText('/dev/full') });
  log.info('line');
});

test('a pipe that nobody reads holds nobody up, and is told what it missed', async () => {
  const path = inScratch('pipe');
  execFileSync('mkfifo', [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = new LogWriter(openLogFile(bytesFromText(path)));
  const line = `${'x'.repeat(99)}\n`;
  for (let i = 0; i < 30_000; i++) writer.write(line);
  const before = performance.now();
  await writer.drained();
  expect(performance.now() - before).toBeLessThan(10_000);
  let text = '';
  const buffer = Buffer.alloc(1 << 16);
  const drain = async (): Promise<void> => {
    for (let quiet = 0; quiet < 20; await sleep(10)) {
      try {
        text += buffer.toString('latin1', 0, readSync(reader, buffer));
        quiet = 0;
      } catch {
        quiet++;
      }
    }
  };
  await drain();
  writer.write('again\n');
  await drain();
  closeSync(reader);
  const lines = text.split('\n');
  const notices = lines.filter((each) => each.startsWith('{')).map((each) => JSON.parse(each).msg as string);
  const missing = notices.reduce((sum, msg) => sum + Number.parseInt(msg, 10), 0);
  expect(lines.filter((each) => each === line.slice(0, -1)).length + missing).toBe(30_000);
  expect(lines.at(-2)).toBe('again');
  // And when the reader is gone.
  for (let i = 0; i < 100; i++) writer.write(line);
  await writer.drained();
});

describe('in a folder that others can write to', () => {
  beforeEach(() => chmodSync(scratch, 0o777));
  const refused = (name: string) => expect(() => opened(name)).toThrow(/cannot write the log file/);

  test('a new file is made, and used again', () => {
    closeSync(opened('log').fd);
    closeSync(opened('log').fd);
  });

  test('a symlink, another name of a file, a file of another user, a pipe: refused', () => {
    writeFileSync(inScratch('victim'), 'x');
    symlinkSync('victim', inScratch('symlink'));
    symlinkSync('new', inScratch('dangling'));
    linkSync(inScratch('victim'), inScratch('hard'));
    writeFileSync(inScratch('foreign'), '');
    chownSync(inScratch('foreign'), 1000, 1000);
    execFileSync('mkfifo', [inScratch('pipe')]);
    const reader = openSync(inScratch('pipe'), constants.O_RDONLY | constants.O_NONBLOCK);
    for (const name of ['symlink', 'dangling', 'hard', 'foreign', 'pipe']) refused(name);
    closeSync(reader);
    expect(textIn('victim')).toBe('x');
    expect(() => textIn('new')).toThrow(/ENOENT/);
  });
});

test('in a folder of ours a symlink is followed', () => {
  // Below /tmp, which is sticky: others cannot replace what is ours there.
  symlinkSync('else', inScratch('log'));
  closeSync(opened('log').fd);
  expect(textIn('else')).toBe('');
});
