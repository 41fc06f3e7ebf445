#!/bin/busybox sh
# SPDX-License-Identifier: MIT
#
# The first program of the machine that test/usb boots. Its root is the host's own, read-only, with the guest's udev and a
# folder in memory over it; the folder of the run is the one place that both may write. The kernel's command line says
# where that is (rig.run) and where the project is (rig.project).
B=/bin/busybox
$B mount -t proc proc /proc
$B mount -t sysfs sys /sys
$B mount -t devtmpfs dev /dev
while read -r module; do $B insmod "/modules/$module" || echo "insmod $module failed"; done </modules/order
for word in $($B cat /proc/cmdline); do
  case $word in
    rig.run=*) run=${word#*=} ;;
    rig.project=*) project=${word#*=} ;;
  esac
done
share() { $B mount -t 9p -o "trans=virtio,version=9p2000.L,msize=512000,$3" "$1" "$2"; }
stop() {
  echo "rig: $1"
  $B poweroff -f
}
share host /host ro,cache=loose || stop "the host's root could not be mounted"
share extra /extra ro,cache=loose || stop "the guest's own programs could not be mounted"
$B mount -t tmpfs tmpfs /written
$B mkdir -p /written/upper /written/work
$B mount -t overlay -o lowerdir=/extra:/host,upperdir=/written/upper,workdir=/written/work overlay /root ||
  stop "the root could not be put together"
for folder in proc sys dev; do $B mount --move "/$folder" "/root/$folder"; done
$B mkdir -p /root/dev/pts /root/dev/shm
$B mount -t devpts devpts /root/dev/pts
for folder in dev/shm run tmp; do $B mount -t tmpfs tmpfs "/root/$folder"; done
# Both may lie below a folder that is in memory now.
$B mkdir -p "/root$project" "/root$run"
share project "/root$project" ro,cache=loose || stop "the project could not be mounted"
share run "/root$run" rw,cache=none || stop "the folder of the run could not be mounted"
exec $B switch_root /root /bin/bash "$project/test/usb/guest/start.sh" "$project" "$run"
