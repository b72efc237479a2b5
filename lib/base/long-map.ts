/**
 * A Map without long pauses: one of V8's own that doubles beyond 200,000 entries copies them all at once, for tens of
 * milliseconds. Entries are kept in several Maps of a limited size, and iterated in the order in which they were added
 * unless some were deleted meanwhile. It is made empty.
 */
const LIMIT = 100_000;

export class LongMap<K, V> extends Map<K, V> {
  /** Beside this Map itself; each has room until it has held `limit` entries. */
  private readonly more: Map<K, V>[] = [];

  constructor(private readonly limit = LIMIT) {
    super();
  }

  override get size(): number {
    let size = super.size;
    for (const part of this.more) size += part.size;
    return size;
  }

  override get(key: K): V | undefined {
    const value = super.get(key);
    if (value !== undefined || this.more.length === 0) return value;
    for (const part of this.more) {
      const found = part.get(key);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  override has(key: K): boolean {
    return super.has(key) || this.more.some((part) => part.has(key));
  }

  override set(key: K, value: V): this {
    if (super.has(key)) return super.set(key, value);
    for (const part of this.more) {
      if (!part.has(key)) continue;
      part.set(key, value);
      return this;
    }
    if (super.size < this.limit) return super.set(key, value);
    let last = this.more.find((part) => part.size < this.limit);
    if (last === undefined) this.more.push((last = new Map()));
    last.set(key, value);
    return this;
  }

  override delete(key: K): boolean {
    return super.delete(key) || this.more.some((part) => part.delete(key));
  }

  override clear(): void {
    super.clear();
    this.more.length = 0;
  }

  override *entries(): MapIterator<[K, V]> {
    yield* super.entries();
    for (const part of this.more) yield* part.entries();
  }

  override *keys(): MapIterator<K> {
    for (const [key] of this.entries()) yield key;
  }

  override *values(): MapIterator<V> {
    for (const [, value] of this.entries()) yield value;
  }

  override [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries();
  }

  override forEach(visit: (value: V, key: K, map: Map<K, V>) => void): void {
    for (const [key, value] of this.entries()) visit(value, key, this);
  }
}
