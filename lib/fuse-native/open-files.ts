/** Open files, by the number that libfuse keeps for us: 31 bits, never 0. */
import type { Fh } from '../base/ids';
import type { PathEntry } from './path-table';

const LAST = 2 ** 31 - 1;

/** An open file pins the entry of the path it was opened by: its node stays known, whatever becomes of the name. */
export interface OpenFile {
  readonly entry: PathEntry;
  readonly fh: Fh;
}

export class OpenFiles {
  private readonly files = new Map<number, OpenFile>();
  private last = 0;

  get size(): number {
    return this.files.size;
  }

  add(file: OpenFile): number {
    do this.last = this.last >= LAST ? 1 : this.last + 1;
    while (this.files.has(this.last));
    this.files.set(this.last, file);
    return this.last;
  }

  get(id: number): OpenFile | undefined {
    return this.files.get(id);
  }

  take(id: number): OpenFile | undefined {
    const file = this.files.get(id);
    this.files.delete(id);
    return file;
  }

  values(): IterableIterator<OpenFile> {
    return this.files.values();
  }
}
