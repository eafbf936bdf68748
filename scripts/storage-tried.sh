#!/usr/bin/env bash
# Run as root on the machine of scripts/machine.sh: logical volumes, which need a kernel with the
# device mapper. LVM and the kernel are asked what became of it, not vconsole.
set -euo pipefail
. "$(dirname "$0")/tried.sh"
export LANG=C.UTF-8

modprobe -a loop dm-mod
file=$(mktemp --suffix .disk)
truncate -s 128M "$file"
device=$(losetup --find --show "$file")
do_it() { vconsole "$@" --yes; }
bytes() { lvs --noheadings --nosuffix --units b -o lv_size "guest_images/$1" | tr -d ' '; }

do_it pool define guest_images --type logical --name guest_images --device "$device" --target /dev/guest_images --build
[[ $(vgs --noheadings -o vg_name | tr -d ' ') == guest_images ]]
! do_it pool build guest_images || exit 1 # it runs
says "a volume group is built on $device, and runs"

do_it volume create guest_images firstimage 20MiB
[[ $(bytes firstimage) == $((20 << 20)) && -b /dev/guest_images/firstimage ]]
key=$(vconsole volume key guest_images/firstimage)
[[ $key == $(lvs --noheadings -o lv_uuid guest_images/firstimage | tr -d ' ') ]]
for named in guest_images/firstimage /dev/guest_images/firstimage "$key"; do
  [[ $(vconsole volume name "$named") == firstimage && $(vconsole volume pool "$named") == guest_images ]]
  [[ $(vconsole volume path "$named") == /dev/guest_images/firstimage && $(vconsole volume key "$named") == "$key" ]]
done
! do_it volume resize guest_images/firstimage +4MiB || exit 1 # libvirt's driver cannot
[[ $(bytes firstimage) == $((20 << 20)) ]]
says "a volume is made; its key is LVM's, and each of its three names gives the others"

source=$(mktemp)
head -c 4M /dev/urandom >"$source"
do_it volume upload guest_images/firstimage "$source"
cmp --bytes $((4 << 20)) "$source" /dev/guest_images/firstimage
do_it volume clone guest_images/firstimage second
cmp /dev/guest_images/firstimage /dev/guest_images/second
do_it volume download guest_images/second "$source.back"
cmp --bytes $((4 << 20)) "$source" "$source.back"
do_it volume wipe guest_images/second
cmp /dev/guest_images/second <(head -c 20M /dev/zero)
do_it volume delete guest_images/second
[[ ! -e /dev/guest_images/second ]]
says "written from a file, copied, read into a file, wiped, deleted"

do_it pool stop guest_images
do_it pool start guest_images
cmp --bytes $((4 << 20)) "$source" /dev/guest_images/firstimage
do_it volume delete guest_images/firstimage
do_it pool stop guest_images
do_it pool delete guest_images
do_it pool undefine guest_images
[[ -z $(vgs --noheadings -o vg_name) ]]
losetup -d "$device"
rm "$file" "$source" "$source.back"
says "stopped, started with all it holds, deleted, forgotten"
