/** What is fuzzed: a decoder of bytes that come from outside the process, and what must be true of it for any. */

export interface FuzzTarget {
  readonly name: string;
  /** Good inputs, to begin with. */
  readonly seeds: readonly Buffer[];
  /** Inputs that once failed; run first, always. */
  readonly regressions: readonly Buffer[];
  open(): OpenTarget;
}

export interface OpenTarget {
  /** Throws, or rejects, where the input does what it must not. */
  check(input: Buffer): void | Promise<void>;
  close(): void;
}

/** A target without anything to open. */
export function pure(
  name: string,
  seeds: readonly (string | Buffer)[],
  check: (input: Buffer) => void,
  regressions: readonly (string | Buffer)[] = [],
): FuzzTarget {
  const bytes = (texts: readonly (string | Buffer)[]) =>
    texts.map((text) => Buffer.from(text as string, 'latin1'));
  return {
    name,
    seeds: bytes(seeds),
    regressions: bytes(regressions),
    open: () => ({ check, close: () => {} }),
  };
}

export function must(isSo: boolean, what: string): void {
  if (!isSo) throw new Error(what);
}
