/** errno is each thread's own, and that of the call that has just failed. */
import { once } from 'node:events';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { bytesFromText } from '../../lib/base/bytes';
import { EBADF, ENOENT } from '../../lib/base/errno';
import { fsync } from '../../lib/sys/io';
import { AT_FDCWD, openat } from '../../lib/sys/open';
import { O_RDONLY } from '../../lib/vfs/flags';

const absent = () => openat(AT_FDCWD, bytesFromText('/nothing/here'), O_RDONLY);

test('a call that fails in another thread leaves it alone', async () => {
  const io = JSON.stringify(join(__dirname, '../../lib/sys/io.js'));
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads');
     const { fsync } = require(${io});
     parentPort.on('message', () => parentPort.postMessage(fsync(-1)));`,
    { eval: true },
  );
  try {
    for (let times = 0; times < 3; times++) {
      expect(absent()).toBe(-ENOENT);
      worker.postMessage('fail');
      expect((await once(worker, 'message'))[0]).toBe(EBADF);
      expect(absent()).toBe(-ENOENT);
      expect(fsync(-1)).toBe(EBADF);
    }
  } finally {
    await worker.terminate();
  }
  expect(absent()).toBe(-ENOENT);
});
