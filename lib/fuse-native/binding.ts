/**
 * The native half of the npm package fuse-native. Its JavaScript half is left out: it mounts asynchronously, loses
 * what the native half still knows, and answers a tick late.
 *
 * The native half links against libfuse.so.2. The package brings one; loading it first, for good, satisfies the
 * link without libfuse2 being installed on the system.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { UserError } from '../base/errors';
import { EXIT } from '../base/exit-codes';

/** Load at once, for everybody, for good (0x1000: RTLD_NODELETE). */
const PRELOAD = constants.dlopen.RTLD_NOW | constants.dlopen.RTLD_GLOBAL | 0x1000;

/** A thread of libfuse, by the memory that it shares with us: the `fuse_thread_locals_t` of fuse-native.c. */
export type FuseThread = Buffer;

/** Called with the thread, the operation's number and its arguments. */
export type Handler = (thread: FuseThread, operation: number, ...args: never[]) => void;

/** Ends a request: the thread, a result or a negated errno, and what the operation's C code reads besides. */
export type Signal = (thread: FuseThread, result: number, ...values: unknown[]) => void;

export interface Binding {
  readonly sizeof_fuse_thread_t: number;
  fuse_native_mount(
    mountpoint: string,
    options: string,
    state: Buffer,
    self: object,
    allocate: (size: number) => Buffer,
    handlers: Handler[],
    implemented: Uint32Array,
  ): void;
  fuse_native_unmount(mountpoint: string, state: Buffer): void;
}

/** The number of an operation in the binding's tables. */
export function numberOf(binding: Binding, operation: string): number {
  return (binding as unknown as Record<string, number>)[`op_${operation}`]!;
}

export function signalOf(binding: Binding, operation: string): Signal {
  return (binding as unknown as Record<string, Signal>)[`fuse_native_signal_${operation}`]!;
}

/** Keeps a shared library in the process. It is no Node module, so `dlopen` always throws after loading it. */
function preload(library: string): void {
  if (!existsSync(library)) return;
  try {
    process.dlopen({ exports: {} }, library, PRELOAD);
  } catch {
    // Where it did not load, the binding's own load says so.
  }
}

/** Loads the binding. Throws a UserError where the package has none for this machine. */
export function loadBinding(): Binding {
  try {
    const manifest = require.resolve('fuse-native/package.json');
    const folder = dirname(manifest);
    preload(join(folder, 'prebuilds', `linux-${process.arch}`, 'libfuse.so'));
    const load = createRequire(manifest)('node-gyp-build') as (folder: string) => Binding;
    return load(folder);
  } catch (cause) {
    throw new UserError(
      'no-fuse-native',
      `the fuse-native transport cannot be loaded on ${process.platform}-${process.arch}`,
      'use --transport kernel; fuse-native brings a binary for x86-64 with glibc only',
      EXIT.FAILURE,
      { cause },
    );
  }
}
