#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Installs the packages that bench/clients.ts compares with, into a cache folder of its own. Two of them are compiled
# there, against Node's own headers where this Node came with them, and need a C++ compiler, make, Python and
# libpcsclite-dev. One that cannot be had keeps none of the others away: the bench says so in its table.
# SCARD_PEERS=none keeps it from installing.
set -euo pipefail

pokusew=0.6.0
smartcard=3.7.0
pcsc_mini=0.1.3
folder="${XDG_CACHE_HOME:-$HOME/.cache}/scard-peers/bench-clients"
# An addon of the older kind runs in the Node that it was compiled for, and in no other.
wanted="$pokusew $smartcard $pcsc_mini $(node -p 'process.versions.modules + process.arch')"

if [ "$(cat "$folder/installed" 2>/dev/null)" = "$wanted" ]; then exit 0; fi
if [ "${SCARD_PEERS:-}" = none ]; then
  echo "setup-bench-clients: SCARD_PEERS=none" >&2
  exit 0
fi

rm -rf "$folder"
mkdir -p "$folder"
cat >"$folder/package.json" <<END
{
  "private": true,
  "dependencies": { "@pokusew/pcsclite": "$pokusew", "smartcard": "$smartcard" },
  "optionalDependencies": { "pcsc-mini": "$pcsc_mini" }
}
END
log="$folder/install.log"
prefix=$(node -p 'path.dirname(path.dirname(process.execPath))')
if [ -e "$prefix/include/node/node.h" ]; then export npm_config_nodedir="$prefix"; fi

missing=""
npm install --prefix "$folder" --no-audit --no-fund --ignore-scripts >"$log" 2>&1 || missing="the packages"
for package in @pokusew/pcsclite smartcard; do
  npm rebuild --prefix "$folder" "$package" >>"$log" 2>&1 || missing="$missing $package"
done
[ -e "$folder/node_modules/pcsc-mini" ] || missing="$missing pcsc-mini"
if [ -n "$missing" ]; then
  echo "setup-bench-clients: could not install $missing; see $log" >&2
  exit 0
fi
echo "$wanted" >"$folder/installed"
