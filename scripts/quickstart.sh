#!/usr/bin/env bash
# A first look: builds stratafs, makes a small stack of layers, mounts it for real, works in it, shows what landed in
# the upper directory, and cleans up. Needs Node 20; installs the Debian packages that are missing when run as root.
# Not root: everything happens inside a user namespace (unshare -Urm).
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
run() {
  printf '$ %s\n' "$*"
  "$@"
}

if [ "${STRATAFS_QUICKSTART:-}" != inside ]; then
  say "Installing what is missing"
  bash scripts/install-packages.sh ca-certificates fuse3 util-linux
  if [ ! node_modules/.package-lock.json -nt package-lock.json ]; then
    npm ci --no-audit --no-fund
    touch node_modules/.package-lock.json
  fi
  say "Building"
  npm run --silent build
  if [ "$(id -u)" -ne 0 ]; then
    say "Not root: going into a user namespace"
    STRATAFS_QUICKSTART=inside exec unshare -Urm bash "$PWD/scripts/quickstart.sh"
  fi
  [ -e /dev/fuse ] || modprobe fuse || true
fi

stratafs() { node "$stratafs_main" "$@"; }
stratafs_main=$PWD/dist/daemon/main.js
place=$(mktemp -d /tmp/stratafs-quickstart-XXXXXX)
clean() {
  cd /
  for mnt in MNT kernel; do
    mountpoint -q "$place/$mnt" && umount -l "$place/$mnt"
  done
  rm -rf "$place"
}
trap clean EXIT

say "Two read-only layers: base, and app above it; rw and wk will take what is changed"
cd "$place"
mkdir -p base/etc base/doc app/etc rw wk MNT kernel
echo "colour = grey" >base/etc/settings
echo "from the base layer" >base/doc/readme
echo "to be deleted" >base/doc/old
echo "colour = blue" >app/etc/settings
echo "only in app" >app/etc/extra
run find base app -type f

say "Mounting them as one tree"
run stratafs mount --lower base --lower app --upper rw --work wk MNT
run grep "$place/MNT" /proc/mounts

say "Reading through it: directories are merged, the newer layer wins"
run ls -l MNT/etc MNT/doc
run cat MNT/etc/settings

say "Writing: the file is copied up first, the layer keeps its own"
printf '$ %s\n' 'echo "colour = red" >>MNT/etc/settings'
echo "colour = red" >>MNT/etc/settings
run cat MNT/etc/settings
run cat app/etc/settings

say "Deleting: gone from the tree, still in its layer"
run rm MNT/doc/old
run ls MNT/doc base/doc

say "What landed in the upper directory: the copy, and a whiteout (a character device 0,0)"
run ls -lR rw

say "Unmounting"
run stratafs umount MNT

if [ "${STRATAFS_QUICKSTART:-}" != inside ] && mount -t overlay -o "lowerdir=app:base,upperdir=rw,workdir=wk" overlay kernel 2>/dev/null; then
  say "The kernel's own overlayfs reads the same upper directory"
  run ls kernel/etc kernel/doc
  run cat kernel/etc/settings
  run umount kernel
fi

say "Done; $place is removed"
