/** An index that no mount uses: what it holds, away with it, or filled ahead. */
import type { ByteString } from '../../lib/base/bytes';
import { createLogger } from '../../lib/base/log';
import type { StackConfig } from '../mount/config';
import { dropIndex, findIndexFolder, type IndexStat, statIndex } from '../mount/listing-index';
import { type Warmth, warmIndex } from '../mount/warm-index';

export type { IndexStat, Warmth };

/** @throws UserError where there is none, or a mount uses it */
export function statIndexAt(path: ByteString): Promise<IndexStat> {
  return statIndex(findIndexFolder(path));
}

/** @throws UserError where there is none, or a mount uses it */
export function dropIndexAt(path: ByteString): void {
  dropIndex(findIndexFolder(path));
}

/**
 * @param seen called now and then
 * @throws UserError where the stack or the place for the index cannot be used
 */
export function warm(config: StackConfig, seen: (warmth: Warmth) => void): Promise<Warmth> {
  return warmIndex(config, createLogger({ level: 'warn', file: null }), seen);
}
