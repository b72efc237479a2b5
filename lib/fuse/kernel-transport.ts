/**
 * The kernel transport: the FUSE protocol spoken directly on /dev/fuse.
 *
 * `mount` mounts and settles INIT, so that what the kernel refuses shows there, as a UserError; requests queue in
 * the kernel until `serve` runs. `serve` blocks its thread (a Worker) until the mount is gone or a stop is asked
 * for, and owns the file system for that time: it calls `init` before the first request and `destroy` after the
 * last. One transport serves one mount, once, and all of it happens on one thread.
 */
import { EPERM, errnoName, OK } from '../base/errno';
import { UserError } from '../base/errors';
import { EXIT } from '../base/exit-codes';
import type { NodeId } from '../base/ids';
import { IdleCpus } from '../sys/idle-cpus';
import { Poller, read, write } from '../sys/io';
import { close } from '../sys/open';
import type { FileSystem, Kernel } from '../vfs/filesystem';
import type { JobResults, MountOptions, Supports, Transport } from '../vfs/transport';
import { MAJOR, MAX_WRITE, PAGE_BYTES } from './abi';
import { closeBacking, openBacking, tryBacking } from './backing';
import { mountDevice, unmount } from './device';
import { Dispatcher, type DispatchOptions } from './dispatch';
import type { Connection } from './exchange';
import { type Agreement, decodeInit, negotiate, putInit, type Refusal } from './init';
import { invalidateAttributes, storeContent } from './notify';
import { mayRegisterBacking } from './privilege';
import { setReadAhead } from './read-ahead';
import { Reply } from './reply';
import { Request } from './request';
import { ServeLoop } from './serve-loop';

/** Read-ahead in cached mode, as large as one READ may be. */
const READ_AHEAD_KIB = MAX_WRITE / 1024;

interface Mounted {
  readonly device: number;
  readonly connection: Connection;
  readonly pollIdleCpus: boolean;
}

export class KernelTransport implements Transport {
  readonly supports: Supports = {
    nanosecondTimes: true,
    separateTimes: true,
    callerIds: true,
    renameFlags: true,
    fallocate: true,
    seekHole: true,
    readdirplus: true,
    anyByteNames: true,
    passthrough: true,
    bigInodes: true,
    tmpfile: true,
    ioctl: true,
    btime: true,
    posixAcls: true,
    namelessFiles: true,
  };

  /** Set by mount, taken by serve. */
  private mounted: Mounted | null = null;
  /** The kernel asks for room for the largest WRITE and its headers. */
  private readonly request = new Request(Buffer.alloc(MAX_WRITE + PAGE_BYTES));

  constructor(private readonly options: DispatchOptions) {}

  mount(options: MountOptions): void {
    const device = mountDevice(options);
    try {
      const connection = this.settle(device, options);
      this.mounted = { device, connection, pollIdleCpus: options.pollIdleCpus };
    } catch (error) {
      unmount(options.mountpoint, true);
      close(device);
      throw error;
    }
  }

  serve(fs: FileSystem, jobs: JobResults): void {
    if (this.mounted === null) throw new Error('serve without mount');
    const { device, connection, pollIdleCpus } = this.mounted;
    this.mounted = null;
    const send = (reply: Buffer, length: number): number => {
      const written = write(device, reply, length);
      return written < 0 ? -written : OK;
    };
    const idleCpus = new IdleCpus(pollIdleCpus);
    try {
      fs.init(kernelOf(device, connection));
      const dispatcher = new Dispatcher(fs, connection, this.request, send, this.options);
      new ServeLoop(device, this.request, dispatcher, jobs, idleCpus).run();
    } finally {
      idleCpus.close();
      fs.destroy();
      close(device);
    }
  }

  /** INIT, and what depends on its outcome. */
  private settle(device: number, options: MountOptions): Connection {
    const { log } = this.options;
    const agreement = this.greet(device, options);
    if (agreement.passthrough) {
      const errno = tryBacking(device);
      if (errno === EPERM) {
        if (options.io === 'passthrough') throw refusal('no-passthrough');
        log.warn({ errno: errnoName(errno) }, 'the kernel refuses backing files: no passthrough');
        return { ...agreement, passthrough: false };
      }
    } else if (!setReadAhead(options.mountpoint, READ_AHEAD_KIB)) {
      log.debug('read-ahead stays at 128 KiB: /sys/class/bdi is not ours to write');
    }
    log.debug(
      {
        minor: agreement.minor,
        passthrough: agreement.passthrough,
        zeroMessageOpens: agreement.zeroMessageOpens,
      },
      'agreed with the kernel',
    );
    return agreement;
  }

  /** Answers INIT; a kernel of a newer major version is told ours and asks again. */
  private greet(device: number, options: MountOptions): Agreement {
    const poller = new Poller([device]);
    const reply = new Reply();
    for (;;) {
      poller.wait(-1);
      const length = read(device, this.request.bytes);
      const offer = this.request.load(length) ? decodeInit(this.request) : null;
      if (offer === null) throw new Error(`no INIT from the kernel (${length})`);
      const agreement = negotiate(offer, { ...options, mayRegisterBacking: mayRegisterBacking() });
      if (typeof agreement === 'string') throw refusal(agreement);
      reply.reset();
      putInit(reply, agreement);
      reply.finish(this.request, OK);
      const written = write(device, reply.bytes, reply.at);
      if (written < 0) throw new Error(`answering INIT: ${errnoName(-written)}`);
      if (offer.major === MAJOR) return agreement;
    }
  }
}

function refusal(why: Refusal): UserError {
  if (why === 'no-passthrough') {
    return new UserError(
      'no-passthrough',
      'the kernel offers no passthrough here',
      'passthrough needs Linux 6.9 and root outside of user namespaces; use --io auto or --io cached',
      EXIT.NO_PRIVILEGE,
    );
  }
  return new UserError(
    'kernel-too-old',
    'the FUSE protocol of this kernel is too old',
    'Linux 4.20 or newer is needed',
    EXIT.FAILURE,
  );
}

function kernelOf(device: number, connection: Connection): Kernel {
  return {
    passthrough: connection.passthrough,
    zeroMessageOpens: connection.zeroMessageOpens,
    openBacking: (fd: number) => openBacking(device, fd),
    closeBacking: (id: number) => closeBacking(device, id),
    invalidateAttributes: (node: NodeId) => invalidateAttributes(device, node),
    storeContent: (node: NodeId, fd: number, length: number) => storeContent(device, node, fd, length),
  };
}
