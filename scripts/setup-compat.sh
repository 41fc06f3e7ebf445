#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Installs for test/compat and test/testing, into a cache folder of its own: nfc-pcsc with our face in the place of
# @pokusew/pcsclite, as docs/guide/compat.md tells its users; smartcard, for the examples in its README; jest, for
# docs/guide/testing.md. No install script runs and nothing is compiled. With SCARD_PEERS=none it does nothing: the tests
# then use no such package. Exit status: 0, but 1 where CI is set and it did not succeed.
set -euo pipefail

if [ "${SCARD_PEERS:-}" = none ]; then exit 0; fi

nfc_pcsc=0.8.1
smartcard=3.7.0
jest=30.5.2
root=$(cd "$(dirname "$0")/.." && pwd)
folder="${XDG_CACHE_HOME:-$HOME/.cache}/scard-peers/compat"

has_version() {
  grep -qs "\"version\": \"$2\"" "$folder/node_modules/$1/package.json"
}

is_installed() {
  has_version nfc-pcsc "$nfc_pcsc" && has_version smartcard "$smartcard" && has_version jest "$jest" &&
    [ -e "$folder/node_modules/@pokusew/pcsclite/index.js" ]
}

install() {
  rm -rf "$folder"
  mkdir -p "$folder/pcsclite"
  cat >"$folder/pcsclite/package.json" <<'END'
{ "name": "@pokusew/pcsclite", "version": "0.6.0", "main": "index.js" }
END
  cat >"$folder/pcsclite/index.js" <<'END'
module.exports = require("scard/compat/pcsclite");
END
  cat >"$folder/package.json" <<END
{
  "private": true,
  "dependencies": { "nfc-pcsc": "$nfc_pcsc", "smartcard": "$smartcard", "jest": "$jest" },
  "overrides": { "@pokusew/pcsclite": "file:./pcsclite" }
}
END
  npm install --silent --prefix "$folder" --no-audit --no-fund --ignore-scripts >/dev/null && is_installed
}

if ! is_installed && ! install; then
  echo "setup-compat: not all of nfc-pcsc $nfc_pcsc, smartcard $smartcard and jest $jest are in $folder" >&2
  if [ -n "${CI:-}" ]; then exit 1; fi
  exit 0
fi
# What stands in for a package from the registry: the one that is being tested.
ln -sfn "$root" "$folder/node_modules/scard"
