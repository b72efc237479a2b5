#!/usr/bin/env bash
# Mounts in the foreground and prints every request and reply, until Ctrl-C or `stratafs umount` from elsewhere.
#
#   scripts/trace.sh --lower base --upper rw --work wk MNT
set -euo pipefail
exec node "$(dirname "$0")/../dist/daemon/main.js" mount --foreground --trace-fuse "$@"
