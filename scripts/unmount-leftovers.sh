#!/usr/bin/env bash
# Takes away the stratafs mounts below a folder that a test or an experiment left behind (their processes end by
# themselves).
#
#   scripts/unmount-leftovers.sh [FOLDER]       default: /tmp and /dev/shm
set -euo pipefail
[ $# -gt 0 ] || set -- /tmp /dev/shm

for folder in "$@"; do
  folder=$(realpath "$folder")
  # Innermost first; field 5 of mountinfo is the mountpoint, with octal escapes.
  awk -v below="$folder/" '$0 ~ / - fuse\.stratafs / && index($5, below) == 1 { print $5 }' /proc/self/mountinfo |
    tac | while read -r escaped; do
    printf -v mountpoint '%b' "${escaped//\\/\\0}"
    echo "unmounting $mountpoint"
    umount -l "$mountpoint" || fusermount3 -uz "$mountpoint"
  done
done
