#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Runs the script of a boot as the guest's first process, then powers the machine off. Its exit status is the byte that
# isa-debug-exit takes to QEMU.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
export PROJECT=$1 RUN=$2
busybox ip link set lo up
busybox hostname usb-rig
# pcscd would take the ports of the drivers that this machine happens to have.
mkdir -p /run/udev /run/pcscd
rm -rf /etc/reader.conf.d
mkdir -p /etc/reader.conf.d
/usr/lib/systemd/systemd-udevd --daemon 2>/dev/null
udevadm settle
echo "rig: up after $(cut -d' ' -f1 /proc/uptime) s"
cd "$RUN" || exit 1
bash "$RUN/boot.sh"
status=$?
echo "rig: status $status after $(cut -d' ' -f1 /proc/uptime) s"
sync
printf "\\x$(printf %02x $((status & 127)))" | dd of=/dev/port bs=1 seek=$((0xf4)) count=1 conv=notrunc 2>/dev/null
busybox poweroff -f
