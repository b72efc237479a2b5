/**
 * An actor: a process that executes file operations in one directory (actor.py). When an operation hangs, the actor
 * is killed, `onHang` gets rid of the mount, and the operation's promise fails with its name.
 */
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Operation, Operations, Outcome } from './operations';
import { ended, kill, type Place, start } from './place';

const SCRIPT = join(__dirname, '../../../test/support/actor.py');
const SECONDS_PER_OPERATION = 20;
const SECONDS_PER_PROGRAM = 300;

type Asked<T> = {
  [K in keyof T]: T[K] extends (...args: infer A) => infer R ? (...args: A) => Promise<R> : never;
};
type Tried<T> = {
  [K in keyof T]: T[K] extends (...args: infer A) => unknown ? (...args: A) => Promise<string> : never;
};

/** Each operation; a failure rejects with a FileError. */
export type Files = Asked<Operations>;
/** Each operation; gives `OK` or the errno's name. */
export type Errnos = Tried<Operations>;

export interface Credentials {
  readonly uid: number;
  readonly gid: number;
  readonly groups?: readonly number[];
  readonly umask?: number;
}

export class FileError extends Error {
  constructor(
    readonly code: string,
    operation: Operation,
  ) {
    super(`${code}: ${shown(operation)}`);
  }
}

/** An operation as a message shows it. */
export function shown([name, ...args]: Operation): string {
  return `${name}(${args.map((arg) => JSON.stringify(arg)?.slice(0, 200)).join(', ')})`;
}

interface Waiting {
  readonly operation: Operation;
  resolve(outcome: Outcome): void;
  reject(error: Error): void;
}

export class Actor {
  readonly fs: Files;
  readonly errno: Errnos;
  readonly #child: ChildProcess;
  readonly #waiting: Waiting[] = [];
  readonly #onHang: () => void;
  #complaints = '';
  #timer: NodeJS.Timeout | undefined;
  #gone: Error | undefined;

  constructor(
    place: Place,
    directory: string,
    credentials?: Credentials,
    onHang: () => void = () => undefined,
  ) {
    const { uid, gid, groups = [], umask = 0o22 } = credentials ?? { uid: 0, gid: 0 };
    const identity = credentials ? [`${uid}`, `${gid}`, groups.join(','), `${umask}`] : [];
    this.#onHang = onHang;
    this.#child = start(place.command(['/usr/bin/python3', '-I', SCRIPT, directory, ...identity]));
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.#complaints += text));
    this.#child.once('close', () => this.#fail(new Error(`the actor ended: ${this.#complaints}`)));
    createInterface(this.#child.stdout!).on('line', (line) => this.#answered(JSON.parse(line) as Outcome));
    this.fs = facade(async (operation) => unwrap(operation, await this.#perform(operation))) as Files;
    this.errno = facade(async (operation) => (await this.#perform(operation)).errno ?? 'OK') as Errnos;
  }

  /** Performs operations in one message, each whatever the others give. */
  batch(operations: readonly Operation[]): Promise<Outcome[]> {
    if (this.#gone) return Promise.reject(this.#gone);
    if (operations.length === 0) return Promise.resolve([]);
    const outcomes = operations.map(
      (operation) =>
        new Promise<Outcome>((resolve, reject) => this.#waiting.push({ operation, resolve, reject })),
    );
    this.#child.stdin!.write(`${JSON.stringify(operations)}\n`);
    this.#watch();
    return Promise.all(outcomes);
  }

  /** As batch; the first failure is an error. */
  async all(operations: readonly Operation[]): Promise<unknown[]> {
    const outcomes = await this.batch(operations);
    return outcomes.map((outcome, at) => unwrap(operations[at]!, outcome));
  }

  async stop(): Promise<void> {
    this.#gone ??= new Error('the actor was stopped');
    this.#child.stdin!.end();
    await ended(this.#child);
  }

  async #perform(operation: Operation): Promise<Outcome> {
    return (await this.batch([operation]))[0]!;
  }

  #answered(outcome: Outcome): void {
    this.#waiting.shift()!.resolve(outcome);
    this.#watch();
  }

  /** (Re)starts the clock of the operation that is being performed. */
  #watch(): void {
    clearTimeout(this.#timer);
    const first = this.#waiting[0];
    if (!first) return;
    const seconds = first.operation[0] === 'run' ? SECONDS_PER_PROGRAM : SECONDS_PER_OPERATION;
    this.#timer = setTimeout(() => {
      this.#fail(new Error(`hung for ${seconds} s: ${shown(first.operation)}`));
      kill(this.#child);
      this.#onHang();
    }, seconds * 1000);
  }

  #fail(error: Error): void {
    clearTimeout(this.#timer);
    this.#gone ??= error;
    for (const waiting of this.#waiting.splice(0)) waiting.reject(error);
  }
}

function unwrap(operation: Operation, outcome: Outcome): unknown {
  if (outcome.errno !== undefined) throw new FileError(outcome.errno, operation);
  return outcome.value;
}

function facade(perform: (operation: Operation) => Promise<unknown>): object {
  return new Proxy(
    {},
    {
      get:
        (_, name) =>
        (...args: unknown[]) =>
          perform([name as keyof Operations, ...args]),
    },
  );
}
