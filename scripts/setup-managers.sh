#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Installs for test/package, into a cache folder of its own, the package managers that the package is installed with. No
# install script runs. bun is taken as its package for this machine, which is the program itself. With SCARD_PEERS=none it
# does nothing. Exit status: 0, but 1 where CI is set and it did not succeed.
set -euo pipefail

if [ "${SCARD_PEERS:-}" = none ]; then exit 0; fi

folder="${XDG_CACHE_HOME:-$HOME/.cache}/scard-peers/managers"
case "$(uname -sm)" in
  "Linux x86_64") bun=@oven/bun-linux-x64-baseline ;;
  "Linux aarch64") bun=@oven/bun-linux-aarch64 ;;
  *) bun="" ;;
esac
managers=(npm-10@npm:npm@10.9.9 npm-11@npm:npm@11.21.2 pnpm-10@npm:pnpm@10.34.8 pnpm-11@npm:pnpm@11.28.10
  yarn-4@npm:@yarnpkg/cli-dist@4.18.1 ${bun:+bun@npm:$bun@1.4.5})

# Each is there in its version: npm names the folder before the first @, the version stands after the last.
is_installed() {
  local manager
  for manager in "${managers[@]}"; do
    grep -qs "\"version\": \"${manager##*@}\"" "$folder/node_modules/${manager%%@*}/package.json" || return 1
  done
}

install() {
  rm -rf "$folder/node_modules"
  mkdir -p "$folder"
  echo '{ "private": true }' >"$folder/package.json"
  rm -f "$folder/package-lock.json"
  npm install --silent --prefix "$folder" --no-audit --no-fund --ignore-scripts "${managers[@]}" >/dev/null && is_installed
}

if ! is_installed && ! install; then
  echo "setup-managers: ${managers[*]} are not in $folder" >&2
  if [ -n "${CI:-}" ]; then exit 1; fi
fi
