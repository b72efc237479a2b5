/** The floors of the house: imports go strictly downward (see README.md, "How the code is laid out"). */
const FLOORS = {
  'lib/base': [],
  'lib/sys': ['lib/base'],
  'lib/vfs': ['lib/base'],
  'lib/fuse': ['lib/base', 'lib/sys', 'lib/vfs'],
  'lib/fuse-native': ['lib/base', 'lib/vfs'],
  'lib/layer': ['lib/base', 'lib/sys'],
  'lib/index': ['lib/base', 'lib/sys'],
  'lib/union': ['lib/base', 'lib/sys', 'lib/vfs', 'lib/layer', 'lib/index'],
  'daemon/mount': ['lib'],
  'daemon/control': ['lib/base', 'daemon/mount'],
  'daemon/cli': ['lib/base', 'daemon/control'],
};

/** Packages with one owner each. */
const OWNERS = {
  koffi: '^lib/sys/',
  'fuse-native': '^lib/fuse-native/',
  level: '^lib/index/',
  'classic-level': '^lib/index/',
  pino: '^lib/base/',
  yargs: '^daemon/cli/',
};

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'product-never-imports-tests',
      severity: 'error',
      from: { path: '^(lib|daemon)/' },
      to: { path: '^(test|scripts)/' },
    },
    ...Object.entries(FLOORS).map(([floor, below]) => ({
      name: `floor-${floor}`,
      severity: 'error',
      from: { path: `^${floor}/` },
      to: { path: '^(lib|daemon)/', pathNot: `^(${[floor, ...below].join('|')})/` },
    })),
    ...Object.entries(OWNERS).map(([name, owner]) => ({
      name: `owner-of-${name}`,
      severity: 'error',
      from: { path: '^(lib|daemon)/', pathNot: owner },
      to: { path: `node_modules/${name}/` },
    })),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
  },
};
