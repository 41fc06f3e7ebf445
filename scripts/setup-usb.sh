#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Prepares the machine in which test/usb plugs USB readers in: Debian's kernel, what boots it, and Debian's udev and usbip, unpacked
# into a cache folder and not installed. The machine's root is this one's, read-only; QEMU is among the packages that
# scripts/setup-peers.sh installs. With SCARD_PEERS=none it does nothing: the tests are then skipped. Exit status: 0, but 1
# where CI is set and something is still missing.
set -euo pipefail

if [ "${SCARD_PEERS:-}" = none ]; then exit 0; fi

folder="${XDG_CACHE_HOME:-$HOME/.cache}/scard-peers/usb"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# What is made here changes with these two files.
edition=$(cat "$here/setup-usb.sh" "$here/../test/usb/guest/init.sh" | sha256sum | cut -c 1-16)
work=""

give_up() {
  echo "setup-usb: $1" >&2
  if [ -n "${CI:-}" ]; then exit 1; fi
  exit 0
}

clean_up() {
  if [ -n "$work" ]; then rm -rf "$work"; fi
}

if [ -e "$folder/edition-$edition" ]; then exit 0; fi
if [ "$(uname -m)" != x86_64 ]; then give_up "the machine for USB readers needs a host that is x86_64"; fi
if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then give_up "this is not a Debian-like machine"; fi
for program in qemu-system-x86_64 busybox cpio modprobe depmod xz; do
  PATH=$PATH:/usr/sbin:/sbin command -v "$program" >/dev/null ||
    give_up "$program is missing. On Debian or Ubuntu: sudo apt-get install --no-install-recommends qemu-system-x86 busybox-static cpio kmod xz-utils"
done
PATH=$PATH:/usr/sbin:/sbin

# The newest kernel of the release, not the one for clouds, which has no USB.
kernel_package() {
  apt-cache depends linux-image-amd64 2>/dev/null | awk '$1 == "Depends:" && $2 ~ /^linux-image-[0-9]/ { print $2; exit }'
}

download() {
  local kernel
  kernel=$(kernel_package)
  if [ -z "$kernel" ]; then return 1; fi
  (cd "$work/packages" && apt-get download -q -o APT::Sandbox::User=root "$kernel" udev usbutils usb.ids usbip libwrap0)
}

# A kernel that needs no decompressor to run first saves seconds under emulation: the ELF file inside the bzImage.
unpack_kernel() {
  local offset
  for offset in $(LC_ALL=C grep -abo $'\xfd7zXZ' "$1" | cut -d: -f1); do
    tail -c "+$((offset + 1))" "$1" | xz -dc >"$2" 2>/dev/null || true
    if [ "$(head -c 4 "$2" | tail -c 3)" = ELF ]; then return 0; fi
  done
  return 1
}

# The paths of modules, each after those that it needs.
modules() {
  local name
  for name in "$@"; do
    modprobe -d "$work/kernel" -S "$release" --show-depends "$name" 2>/dev/null | awk '$1 == "insmod" { print $2 }'
  done | awk '!seen[$0]++'
}

make_initrd() {
  local initrd=$work/initrd
  mkdir -p "$initrd"/{bin,dev,proc,sys,modules,host,extra,written,root}
  cp "$(command -v busybox)" "$initrd/bin/busybox"
  cp "$here/../test/usb/guest/init.sh" "$initrd/init"
  chmod 755 "$initrd/init"
  modules virtio_pci virtio_console 9pnet_virtio 9p overlay uhci-hcd vhci-hcd | while read -r module; do
    cp "$module" "$initrd/modules/"
    basename "$module"
  done >"$initrd/modules/order"
  (cd "$initrd" && find . | cpio -o -H newc --quiet | gzip -1) >"$work/made/initrd.gz"
}

# What the guest's root has beyond the host's: udev, lsusb, usbip and the kernel's modules, with /usr merged.
make_extra() {
  local extra=$work/made/extra package top
  mkdir -p "$extra/usr"
  for package in "$work"/packages/*.deb; do
    case "$package" in */linux-image-*) continue ;; esac
    dpkg -x "$package" "$extra"
  done
  for top in bin sbin lib; do
    if [ ! -d "$extra/$top" ]; then continue; fi
    mkdir -p "$extra/usr/$top"
    cp -a "$extra/$top/." "$extra/usr/$top/"
    rm -rf "${extra:?}/$top"
  done
}

mkdir -p "$folder"
work=$(mktemp -d "$folder/making.XXXXXX")
trap clean_up EXIT
mkdir -p "$work"/{packages,kernel,made}
log=$work/log
# The package lists may be absent (a container image) or older than the mirror.
if ! download >"$log" 2>&1 && ! { apt-get update -q && download; } >>"$log" 2>&1; then
  tail -n 10 "$log" >&2
  give_up "the packages could not be downloaded"
fi
dpkg -x "$work"/packages/linux-image-*.deb "$work/kernel"
release=$(basename "$work"/kernel/lib/modules/*)
depmod -b "$work/kernel" "$release"
unpack_kernel "$work/kernel/boot/vmlinuz-$release" "$work/made/vmlinux" || give_up "the kernel in vmlinuz-$release was not found"
make_initrd
make_extra
rm -rf "$folder/vmlinux" "$folder/initrd.gz" "$folder/extra" "$folder"/edition-*
mv "$work"/made/* "$folder/"
: >"$folder/edition-$edition"
