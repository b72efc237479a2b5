/** Requests that wait for a job: they run again when it is done, unless their caller is killed. */
import { EIO, OK, PARKED } from '../../lib/base/errno';
import type { JobId, NodeId } from '../../lib/base/ids';
import { Parking } from '../../lib/fuse/parking';
import { Request } from '../../lib/fuse/request';
import type { FileSystem } from '../../lib/vfs/filesystem';
import { hex, message, reply, Wire } from '../support/fuse-wire';

const FSYNC = hex('0700000000000000 01000000 00000000');
const INTERRUPT = 36;

/** fsync parks on the job that its node names; what happened is in `log`. */
function parkingFs(log: unknown[]): Partial<FileSystem> {
  return {
    fsync: (call, node, fh, dataOnly) => {
      log.push(['fsync', node, fh, dataOnly, call.jobResult]);
      if (call.jobResult !== null) return -call.jobResult;
      call.job = node;
      return PARKED;
    },
    jobDone: (id, result) => log.push(['done', id, result]),
    forget: (node) => log.push(['forget', node]),
  };
}

test('a parked request runs again, from its own copy, with the result of the job', () => {
  const log: unknown[] = [];
  const wire = new Wire(parkingFs(log));
  expect(wire.send(message(20, FSYNC, { node: 5, unique: 10n }))).toBeNull();
  expect(wire.send(message(20, FSYNC, { node: 5, unique: 12n }))).toBeNull();
  expect(wire.send(message(20, FSYNC, { node: 6, unique: 14n }))).toBeNull();
  expect(wire.dispatcher.parking.size).toBe(3);
  expect(wire.send(message(2, hex('0100000000000000'), { node: 9 }))).toBeNull();
  wire.dispatcher.jobDone({ id: 5 as JobId, result: -EIO });
  expect(wire.replies.map((bytes) => bytes.toString('hex'))).toEqual([reply(10n, EIO), reply(12n, EIO)]);
  expect(wire.dispatcher.parking.size).toBe(1);
  expect(log).toEqual([
    ['fsync', 5, 7, true, null],
    ['fsync', 5, 7, true, null],
    ['fsync', 6, 7, true, null],
    ['forget', 9],
    ['done', 5, -EIO],
    ['fsync', 5, 7, true, -EIO],
    ['fsync', 5, 7, true, -EIO],
  ]);
});

test('a request whose caller got a harmless signal waits on', () => {
  const wire = new Wire(parkingFs([]));
  wire.send(message(20, FSYNC, { node: 5, unique: 10n, pid: process.pid }));
  expect(wire.send(message(INTERRUPT, hex('0a00000000000000'), { unique: 11n }))).toBeNull();
  expect(wire.dispatcher.parking.size).toBe(1);
  wire.dispatcher.jobDone({ id: 5 as JobId, result: 0 });
  expect(wire.replies.map((bytes) => bytes.toString('hex'))).toEqual([reply(10n, OK)]);
  expect(wire.dispatcher.parking.watches).toBe(false);
});

describe('a killed caller', () => {
  let killed = false;
  const released: number[] = [];
  const parking = new Parking(
    (request) => released.push(request.uniqueLow),
    () => killed,
  );
  const request = (unique: bigint): Request => {
    const bytes = message(20, FSYNC, { unique });
    const loaded = new Request(bytes);
    loaded.load(bytes.length);
    return loaded;
  };

  test('is let go at once, the others wait on', () => {
    parking.park(5 as JobId, request(10n));
    parking.park(5 as JobId, request(12n));
    killed = true;
    parking.interrupt(10, 0);
    expect(released).toEqual([10]);
    expect([parking.size, parking.watches]).toEqual([1, false]);
    expect(parking.take(5 as JobId).map((r) => r.uniqueLow)).toEqual([12]);
  });

  test('is let go when the kill follows another signal, and another job', () => {
    released.length = 0;
    killed = false;
    parking.park(6 as JobId, request(14n));
    parking.interrupt(14, 0);
    for (const again of parking.take(6 as JobId)) parking.park(7 as JobId, again);
    expect([parking.size, parking.watches]).toEqual([1, true]);
    parking.releaseKilled();
    expect(released).toEqual([]);
    killed = true;
    parking.releaseKilled();
    expect(released).toEqual([14]);
    expect([parking.size, parking.watches]).toEqual([0, false]);
  });
});

test('an interrupt of what is answered already is ignored', () => {
  const wire = new Wire({ fsync: () => OK });
  expect(wire.send(message(20, FSYNC, { unique: 10n }))).toBe(reply(10n, OK));
  expect(wire.send(message(INTERRUPT, hex('0a00000000000000'), { unique: 11n }))).toBeNull();
});

test('a trace has a line for each request and each reply', () => {
  const wire = new Wire({ unlink: (_call, node: NodeId) => (node === 1 ? OK : EIO) });
  wire.send(message(10, hex('61c3a900'), { unique: 6n }));
  expect(wire.trace).toEqual([
    '> 6 UNLINK opcode=10 node=1 name="aé" pid=4242 uid=1000 gid=1001',
    '< 6 UNLINK OK 0 bytes',
  ]);
});
