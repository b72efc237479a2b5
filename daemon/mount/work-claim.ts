/**
 * `<workdir>/work`, claimed for one mount by the main thread: made where it is missing, looked through before anything
 * is done, swept of what a crash left once the mount has been made, and taken away again where the mount was refused.
 *
 * The sweep goes on beside the mount in short slices, however much there is to remove; what is not done at the end of
 * the mount is left to the next one.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ByteString, Name } from '../../lib/base/bytes';
import { ENOENT, OK } from '../../lib/base/errno';
import { mkdirat, rmdirat } from '../../lib/sys/names';
import { close } from '../../lib/sys/open';
import { removeTree, removingTree } from '../../lib/sys/remove-tree';
import { newStat, statAt } from '../../lib/sys/stat';
import { leftoversIn, openWork, WORK } from '../../lib/union/workdir';
import { INDEX_NAME } from './listing-index';

const SLICE_MS = 5;

export class WorkClaim {
  /** O_PATH descriptor of `<workdir>/work`. */
  readonly fd: number;
  private readonly madeHere: boolean;
  private readonly leftovers: readonly Name[];
  private readonly hadIndex: boolean;
  /** Set by `end`. */
  private ended = false;

  /**
   * @param outer a descriptor of the directory that the user gave; it is to stay open
   * @throws UserError where the directory cannot be used
   */
  constructor(
    path: ByteString,
    private readonly outer: number,
  ) {
    this.hadIndex = statAt(outer, INDEX_NAME, newStat()) !== ENOENT;
    this.madeHere = mkdirat(outer, WORK, 0o700) === OK;
    this.fd = openWork(path, outer);
    try {
      this.leftovers = leftoversIn(path, this.fd);
    } catch (error) {
      close(this.fd);
      throw error;
    }
  }

  /** Removes what a crash left; settles when that is done, or the claim has ended. Never rejects. */
  async sweep(): Promise<void> {
    let sliceEnds = performance.now() + SLICE_MS;
    for (const name of this.leftovers) {
      const steps = removingTree(this.fd, name);
      while (!this.ended && steps.next().done !== true) {
        if (performance.now() < sliceEnds) continue;
        await nextTurn();
        sliceEnds = performance.now() + SLICE_MS;
      }
      steps.return(OK);
    }
  }

  /** The mount was refused: nothing is to be left of it. */
  undo(): void {
    if (this.madeHere) rmdirat(this.outer, WORK);
    if (!this.hadIndex) removeTree(this.outer, INDEX_NAME);
  }

  /** The mount is gone. */
  end(): void {
    this.ended = true;
  }
}
