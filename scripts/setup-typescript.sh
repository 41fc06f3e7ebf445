#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Installs for test/package, into a cache folder of its own, older releases of TypeScript: programs that use the package
# are compiled with them. No install script runs. With SCARD_PEERS=none it does nothing. Exit status: 0, but 1 where CI is
# set and it did not succeed.
set -euo pipefail

if [ "${SCARD_PEERS:-}" = none ]; then exit 0; fi

oldest=5.4.5
last=5.9.3
folder="${XDG_CACHE_HOME:-$HOME/.cache}/scard-peers/typescript"

is_installed() {
  grep -qs "\"version\": \"$oldest\"" "$folder/node_modules/typescript-oldest/package.json" &&
    grep -qs "\"version\": \"$last\"" "$folder/node_modules/typescript-last/package.json"
}

install() {
  rm -rf "$folder"
  mkdir -p "$folder"
  echo '{ "private": true }' >"$folder/package.json"
  npm install --silent --prefix "$folder" --no-audit --no-fund --ignore-scripts \
    "typescript-oldest@npm:typescript@$oldest" "typescript-last@npm:typescript@$last" >/dev/null && is_installed
}

if ! is_installed && ! install; then
  echo "setup-typescript: TypeScript $oldest and $last are not in $folder" >&2
  if [ -n "${CI:-}" ]; then exit 1; fi
fi
