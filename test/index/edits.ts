/** Changes to layers, as the property test makes them between two mounts: random, small, and hard to notice. */
import fc from 'fast-check';

export const LAYERS = ['l0', 'l1', 'l2', 'l3'];
const FOLDERS = ['.', 'a', 'a/b', 'c'];
const LEAVES = ['x', 'y', 'z', 'b', 'a', 'c'];

/** Every path that an edit can make. */
export const PATHS = FOLDERS.flatMap((folder) => LEAVES.map((leaf) => `${folder}/${leaf}`));

const layer = fc.constantFrom(...LAYERS);
const place = fc.tuple(layer, fc.constantFrom(...PATHS)).map(([top, path]) => `${top}/${path}`);
const folder = fc.tuple(layer, fc.constantFrom(...FOLDERS)).map(([top, path]) => `${top}/${path}`);
const word = fc.constantFrom('one', 'two', 'six');

/** Shell commands; one that does not fit what is there fails and changes nothing. */
const edit: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.tuple(place, word).map(([at, text]) => `mkdir -p $(dirname ${at}); echo ${text} > ${at}`),
  },
  // Another file of the same name, size and time.
  fc
    .tuple(place, word)
    .map(([at, text]) => `[ -f ${at} ] && echo ${text} > new && touch -r ${at} new && mv -f new ${at}`),
  // The same file with other content, in place, at the same time.
  fc
    .tuple(place, word)
    .map(([at, text]) => `[ -f ${at} ] && touch -r ${at} ref && echo ${text} > ${at} && touch -r ref ${at}`),
  { weight: 2, arbitrary: place.map((at) => `rm -rf ${at}`) },
  { weight: 3, arbitrary: place.map((at) => `[ -d ${at} ] || { rm -f ${at}; mkdir -p ${at}; }`) },
  place.map((at) => `[ -e ${at} ] && rm -rf ${at} && ln -s target ${at}`),
  place.map((at) => `[ -e ${at} ] && rm -rf ${at} && mkfifo ${at}`),
  { weight: 2, arbitrary: place.map((at) => `rm -rf ${at}; mknod ${at} c 0 0`) },
  fc.tuple(place, place).map(([from, to]) => `mv -T ${from} ${to}`),
  { weight: 2, arbitrary: folder.map((at) => `setfattr -n trusted.overlay.opaque -v y ${at}`) },
  folder.map((at) => `setfattr -x trusted.overlay.opaque ${at}`),
  folder.map((at) => `chmod 0700 ${at}`),
  // Two layers change places.
  fc
    .tuple(layer, layer)
    .map(([a, b]) => `[ ${a} != ${b} ] && mv -T ${a} swap && mv -T ${b} ${a} && mv -T swap ${b}`),
  // Another layer comes to a layer's path: names, sizes, times and marks of the old one, other content.
  layer.map(
    (at) =>
      `cp -a ${at} copy && find copy -type f -size 4c | while read f; do touch -r $f ref; echo new > $f; touch -r ref $f; done; ` +
      `touch -r ${at} copy; rm -rf ${at}; mv -T copy ${at}`,
  ),
);

/** What happens to the index itself between two mounts. */
const indexFate = fc.oneof(
  { weight: 8, arbitrary: fc.constant(':') },
  fc.constant('rm -rf index'),
  fc.constant('rm -f index/listings/*.ldb index/listings/*.log'),
  fc.constant('rm -f index/listings/CURRENT'),
  fc.constant('rm -f index/listings/seal'),
  fc.nat(4000).map((size) => `for f in index/listings/*; do truncate -s '<${size}' "$f"; done`),
  fc
    .nat(4000)
    .map(
      (at) =>
        `for f in index/listings/*; do printf '\\125\\252\\125\\252' | dd of="$f" bs=1 seek=${at} conv=notrunc status=none; done`,
    ),
);

export interface Interlude {
  readonly edits: readonly string[];
  readonly fate: string;
  /** The mount before it is killed instead of unmounted, this many ms after its tree was read; or not. */
  readonly killAfter: number | null;
}

export const interlude: fc.Arbitrary<Interlude> = fc.record({
  edits: fc.array(edit, { minLength: 1, maxLength: 6 }),
  fate: indexFate,
  killAfter: fc.option(fc.nat(700), { freq: 4 }),
});

/** The layers at the beginning. */
export const beginning = fc.array(edit, { minLength: 20, maxLength: 60 });
