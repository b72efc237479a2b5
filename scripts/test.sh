#!/usr/bin/env bash
# Everything that keeps stratafs true: build with type check, lint and floors, then every test.
#
#   scripts/test.sh [jest arguments]      e.g. scripts/test.sh test/daemon
#
# Installs what is missing (Debian packages as root, npm packages always). Real mounts need root or user namespaces.
# The exit code is jest's.
set -euo pipefail
cd "$(dirname "$0")/.."

bash scripts/install-packages.sh \
  acl attr ca-certificates fuse3 gcc git libc6-dev libcap2-bin make procps python3 rsync sqlite3 strace util-linux

if [ ! node_modules/.package-lock.json -nt package-lock.json ]; then
  echo "== npm ci"
  npm ci --no-audit --no-fund
  touch node_modules/.package-lock.json
fi

echo "== build and type check"
rm -rf dist
npm run --silent build

echo "== lint and floors"
npm run --silent lint

if [ "$(id -u)" -eq 0 ]; then
  [ -e /dev/fuse ] || modprobe fuse || true
  if [ -c /dev/fuse ]; then
    mode=$(stat -c %a /dev/fuse)
    trap 'chmod "$mode" /dev/fuse' EXIT
    chmod 666 /dev/fuse
  fi
fi

echo "== tests"
npx jest --runInBand --testSequencer=./dist/test/support/in-order.js "$@"
