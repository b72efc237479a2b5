/** Runs the test files by folder: first what needs no mount, so that a plain mistake shows early. */
import Sequencer from '@jest/test-sequencer';

const FOLDERS = [
  'unit',
  'wire',
  'fuse-native',
  'daemon',
  'conformance',
  'differential',
  'scenarios',
  'crash',
  'index',
];

function rank(path: string): number {
  const folder = /\/dist\/test\/([^/]+)\//.exec(path)?.[1] ?? '';
  const place = FOLDERS.indexOf(folder);
  return place < 0 ? FOLDERS.length : place;
}

class InOrder extends Sequencer {
  override sort(tests: Parameters<Sequencer['sort']>[0]): ReturnType<Sequencer['sort']> {
    return [...tests].sort((a, b) => rank(a.path) - rank(b.path) || (a.path < b.path ? -1 : 1));
  }
}

module.exports = InOrder;
