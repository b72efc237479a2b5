/** Real programs and the layers they work on. Each phase is a script for `sh -e`; the stack is mounted anew between them. */
import { file, hardlink, type Layer, symlink } from '../support/layers';

export interface Program {
  readonly name: string;
  /** Newest first. */
  readonly lowers: readonly Layer[];
  readonly phases: readonly string[];
  /** Files whose bytes hold times or inode numbers. */
  readonly volatileFiles?: RegExp;
}

const ACL = 'system.posix_acl_access';
/** user::rw-, user:1001:rw-, group::r--, mask::rw-, other::--- */
const SHARED =
  '\x02\0\0\0\x01\0\x06\0\xff\xff\xff\xff\x02\0\x06\0\xe9\x03\0\0\x04\0\x04\0\xff\xff\xff\xff\x10\0\x06\0\xff\xff\xff\xff\x20\0\0\0\xff\xff\xff\xff';

const sources: Layer = Object.fromEntries(
  Array.from({ length: 60 }, (_, at) => [
    `src/part-${at % 6}/file-${at}.txt`,
    file(`line ${at}\n`.repeat(at + 1)),
  ]),
);

const mixed = (acls: boolean): Layer => ({
  ...sources,
  'src/shared': file('shared', {
    xattrs: { ...(acls ? { [ACL]: SHARED } : {}), 'user.note': 'n' },
    mode: 0o660,
    uid: 1001,
    gid: 1002,
  }),
  'src/link': symlink('shared'),
  'src/set-id': file('#!/bin/sh\n', { mode: 0o4755 }),
  'src/fifo': { type: 'fifo' },
  'src/null': { type: 'char', major: 1, minor: 3 },
  'src/caf\xe9': file('latin-1 name'),
});

const older: Layer = {
  'src/part-0/older.txt': file('from an older layer'),
  'src/part-9/alone.txt': file('alone'),
};

/** @param acls whether ACLs can be set where they run; else nothing has or sets one */
export const programs = (acls: boolean): readonly Program[] => [
  {
    name: 'git clone, status, gc',
    lowers: [sources, older],
    volatileFiles:
      /\/(index|config|ORIG_HEAD|logs\/.*|.*\.(pack|idx|rev|bitmap|graph)|info\/packs|packed-refs|commit-graph)$|\.git\/objects/,
    phases: [
      `git -c init.defaultBranch=main init -q src; cd src
       git add .; git commit -qm first; git rm -q part-1/file-1.txt; git commit -qm second
       cd ..; git clone -q src copy; git -C copy status --porcelain`,
      `cd copy; git status --porcelain; echo more >> part-2/file-2.txt; git mv part-3 moved; rm part-4/file-4.txt
       git status --porcelain; git add -A; git commit -qm third; git gc -q --prune=now; git fsck --strict
       git stash list; git log --format=%s; git push -q origin HEAD:refs/heads/other
       git checkout -q HEAD~1; git diff --stat HEAD main; git checkout -q main; git status --porcelain`,
      `git -C copy status --porcelain; git -C src branch -a; diff -r copy src -x .git || true`,
    ],
  },
  {
    name: 'tar out and in, with xattrs and ACLs',
    lowers: [mixed(acls), older],
    volatileFiles: /\.tar$/,
    phases: [
      `tar --xattrs --xattrs-include='*'${acls ? ' --acls' : ''} --sort=name -cf all.tar src
       mkdir out; tar --xattrs --xattrs-include='*'${acls ? ' --acls' : ''} -xpf all.tar -C out
       rm -r src/part-0; tar --xattrs --xattrs-include='*'${acls ? ' --acls' : ''} -xpf all.tar`,
      `tar --compare${acls ? ' --acls' : ''} --xattrs -f all.tar; find out src | sort; getfacl -n -R out/src/shared src/shared`,
    ],
  },
  {
    name: 'rsync -aHAX twice',
    lowers: [{ ...mixed(acls), 'src/hard-a': file('hard'), 'src/hard-b': hardlink('src/hard-a') }, older],
    phases: [
      `rsync -aH${acls ? 'A' : ''}X --itemize-changes src/ copy/ | sort`,
      `rsync -aH${acls ? 'A' : ''}X --itemize-changes src/ copy/; echo changed >> src/part-1/file-1.txt; rm src/part-2/file-2.txt
       rsync -aH${acls ? 'A' : ''}X --delete --itemize-changes src/ copy/ | sort`,
      `rsync -aH${acls ? 'A' : ''}X --delete --itemize-changes --checksum src/ copy/; stat -c '%h %n' copy/hard-a copy/hard-b`,
    ],
  },
  {
    name: 'cp -a, mv and rm -r',
    lowers: [mixed(acls), older],
    phases: [
      `cp -a src copy; find copy -printf '%P %M %U %G %l\\n' | sort
       mv src moved; ls moved; cp -a copy/part-3 moved/part-0/; rm -r copy/part-5`,
      `find . -printf '%P %M %U %G %l\\n' | sort; rm -r moved; ls`,
    ],
  },
  {
    name: 'sqlite with a write-ahead log',
    lowers: [{ 'old.db': file(''), 'setup.sql': file('CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT);\n') }],
    volatileFiles: /\.db(-wal|-shm)?$/,
    phases: [
      `sqlite3 old.db 'PRAGMA journal_mode=WAL'; sqlite3 old.db < setup.sql
       { echo 'BEGIN;'; seq 1 5000 | sed "s/.*/INSERT INTO t VALUES(&, 'value &');/"; echo 'COMMIT;'; } | sqlite3 old.db
       (seq 5001 5200 | sed "s/.*/INSERT INTO t VALUES(&, 'one by one &');/" | sqlite3 -cmd '.timeout 20000' old.db) &
       for i in 1 2 3 4 5; do sqlite3 -cmd '.timeout 20000' old.db 'UPDATE t SET v = v || 1 WHERE id % 7 = 0' ; done
       wait; sqlite3 old.db 'SELECT count(*), sum(id), min(v) FROM t; PRAGMA integrity_check'`,
      `sqlite3 old.db 'SELECT count(*), sum(length(v)) FROM t WHERE id % 7 <> 0; PRAGMA integrity_check; PRAGMA journal_mode; VACUUM; SELECT count(*) FROM t'`,
    ],
  },
  {
    name: 'make of a small C program',
    lowers: [
      {
        'p/main.c': file('#include "greet.h"\nint main(void) { return greet("strata"); }\n'),
        'p/greet.c': file(
          '#include <stdio.h>\n#include "greet.h"\nint greet(const char *who) { printf("hello %s\\n", who); return 0; }\n',
        ),
      },
      {
        'p/greet.h': file('int greet(const char *who);\n'),
        'p/Makefile': file(
          'hello: main.o libgreet.a\n\t$(CC) -o $@ $^\nlibgreet.a: greet.o\n\tar rcsD $@ $^\n%.o: %.c greet.h\n\t$(CC) -c -o $@ $<\nclean:\n\trm -f hello *.o *.a\n',
        ),
      },
    ],
    phases: [
      `cd p; make; ./hello; make`,
      `cd p; make; sleep 0.02; echo '/* new */' >> greet.h; make; ./hello; make clean; ls; make -j2 -s; ./hello`,
    ],
  },
  {
    name: 'npm install of a small package',
    lowers: [
      {
        'app/package.json': file(
          '{"name":"app","version":"1.0.0","dependencies":{"greeter":"file:../greeter-1.0.0.tgz"}}',
        ),
        'greeter/index.js': file('module.exports = (who) => "hello " + who;\n'),
      },
      { 'greeter/package.json': file('{"name":"greeter","version":"1.0.0","bin":{"greet":"index.js"}}') },
    ],
    volatileFiles: /^(home|app\/node_modules\/\.package-lock\.json|.*\.tgz)/,
    phases: [
      `npm pack --silent ./greeter; cd app; npm install --offline --no-audit --no-fund --silent
       node -e 'console.log(require("greeter")("strata"))'; rm -rf ../home`,
      `cd app; ls -A . node_modules node_modules/.bin; npm ls --offline; npm uninstall --offline --no-audit --no-fund --silent greeter
       ls -A .; rm -rf ../home`,
    ],
  },
];

/** Unpacking and removing Debian packages as a bootstrap does it. */
export function debianPackages(directory: string): Program {
  const admin = 'var/lib/dpkg';
  return {
    name: 'dpkg --root',
    lowers: [
      {
        [`${admin}/status`]: file(''),
        [`${admin}/available`]: file(''),
        [`${admin}/info/format`]: file('1\n'),
        [`${admin}/updates`]: { type: 'dir' },
      },
      { 'usr/share/doc/hello/stale': file('of an older layer'), 'usr/bin/hello': file('old program') },
    ],
    volatileFiles: /var\/log\//,
    phases: [
      `dpkg --root="$PWD" --force-depends --no-triggers --unpack ${directory}/*.deb`,
      `dpkg --root="$PWD" --force-depends --verify; dpkg --root="$PWD" -l | tail -n +6; dpkg --root="$PWD" --force-depends --purge hello`,
    ],
  };
}
