/**
 * st_ino as programs see it: the real inode number of the file's first layer, made unique across file systems by
 * the file system's number in the bits above it. It survives copy-up and remount as long as the real number does.
 *
 *   bits 0…43   real inode number
 *   bits 44…52  number of the file system in the stack (0: the newest layer's)
 *
 * With one file system in the stack (and no option xino) the real number is used as it is. A number that does not
 * fit gets one of its own for the life of the mount.
 */
import type { Ino } from '../base/ids';
import type { Layer } from '../layer/layer';

const REAL_LIMIT = 2 ** 44;
const MAX_FILE_SYSTEMS = 2 ** 9;
/** The last file system number is kept for numbers that do not fit. */
const FOREIGN_BASE = (MAX_FILE_SYSTEMS - 1) * REAL_LIMIT;

export class InodeNumbers {
  private readonly fileSystems = new Map<string, number>();
  private readonly byLayer: number[] = [];
  private readonly plain: boolean;
  private readonly foreign = new Map<string, Ino>();

  constructor(layers: readonly Layer[], xino: boolean) {
    for (const layer of layers) {
      const device = `${layer.devMajor}:${layer.devMinor}`;
      const known = this.fileSystems.get(device) ?? this.fileSystems.size;
      this.fileSystems.set(device, known);
      this.byLayer[layer.index] = known;
    }
    this.plain = this.fileSystems.size === 1 && !xino;
  }

  /** @param real st_ino in the layer */
  of(layer: Layer, real: number): Ino {
    if (this.plain) return real as Ino;
    const fileSystem = this.byLayer[layer.index]!;
    if (real < REAL_LIMIT && fileSystem < MAX_FILE_SYSTEMS - 1)
      return (fileSystem * REAL_LIMIT + real) as Ino;
    const key = `${fileSystem}:${real}`;
    let own = this.foreign.get(key);
    if (own === undefined) {
      own = (FOREIGN_BASE + this.foreign.size) as Ino;
      this.foreign.set(key, own);
    }
    return own;
  }
}
