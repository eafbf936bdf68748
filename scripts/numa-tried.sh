#!/usr/bin/env bash
# Run as root on the machine of scripts/machine.sh: memory that moves between cells, limits of
# control groups, and who disturbs. The kernel is asked what became of it, not vconsole.
set -euo pipefail
here=$(dirname "$0")
. "$here/tried.sh"
groups=/sys/fs/cgroup
export LANG=C.UTF-8

# A guest of one sector that does nothing but run; its memory is taken at the start, by the emulator.
# guest NAME MIB VCPU-PIN EMULATOR-PIN [NUMATUNE]
guest() {
  virsh -q define /dev/stdin <<X
<domain type='qemu'><name>$1</name><memory unit='MiB'>$2</memory><vcpu>1</vcpu>
<cputune><vcpupin vcpu='0' cpuset='$3'/><emulatorpin cpuset='$4'/></cputune>${5:-}
<memoryBacking><allocation mode='immediate'/></memoryBacking>
<os><type arch='x86_64' machine='pc'>hvm</type><boot dev='hd'/></os>
<devices><emulator>/usr/bin/qemu-system-x86_64</emulator><controller type='usb' model='none'/>
<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='$place/spin'/>
<target dev='hda' bus='ide'/><shareable/></disk><memballoon model='none'/></devices></domain>
X
  virsh -q start "$1"
}
process() { cat "/run/libvirt/qemu/$1.pid"; }
# Percent of the memory of domain $1 that the kernel has on cell $2; libraries lie where who read
# them first had them, and stay.
on_cell() {
  awk -v cell="N$2" '/ anon=/ {for (i = 3; i <= NF; i++) if (split($i, part, "=") == 2 && part[1] ~ /^N[0-9]+$/) {
    all += part[2]; if (part[1] == cell) there += part[2]}} END {printf "%d\n", 100 * there / all}' \
    "/proc/$(process "$1")/numa_maps"
}
vcpu_on() {
  local task
  for task in "/proc/$(process "$1")"/task/*; do
    ! grep -q '^CPU 0' "$task/comm" || sed -n 's/^Cpus_allowed_list:\t//p' "$task/status"
  done
}
# Words that vconsole must say; $1 is what it exits with.
said() {
  local code=$1 words=$2 got=0
  shift 2
  "$@" >/tmp/said 2>&1 || got=$?
  [[ $got == "$code" ]] && grep -qF -- "$words" /tmp/said || {
    says "wanted exit $code and '$words' of: $* (exit $got)"
    cat /tmp/said
    return 1
  }
}
leave() {
  local name
  tmux -L tried kill-server 2>/dev/null || true
  [[ -z ${hog:-} ]] || kill "$hog" 2>/dev/null || true
  for name in wanders free; do
    virsh -q destroy "$name" 2>/dev/null || true
    virsh -q undefine "$name" 2>/dev/null || true
  done
  [[ ! -d $groups/apart ]] || { echo member >$groups/apart/cpuset.cpus.partition; rmdir $groups/apart; }
  systemctl set-property --runtime machine.slice AllowedCPUs=0-7
  ! mountpoint -q "$place/full" || umount "$place/full"
  rm -rf "$place" "$profile"
}
place=$(mktemp -d /var/lib/tried-XXXXXX)
profile=~/.config/vconsole/profiles/tried.toml
trap leave EXIT
chmod 0755 "$place"
{ printf '\xeb\xfe'; head -c 508 /dev/zero; printf '\x55\xaa'; head -c 65024 /dev/zero; } >"$place/spin"

guest wanders 96 6 0-1 "<numatune><memory mode='restrictive' nodeset='0'/></numatune>"
(($(on_cell wanders 0) > 60))
tmux -L tried new-session -d -x 120 -y 40 vconsole
screen() { tmux -L tried capture-pane -p | grep -qF -- "$1"; }
wait_for screen 'of its memory on cells its vCPUs may not use'
tmux -L tried send-keys q
says "its memory is on cell 0, its vCPU on cell 3: the list says so"

# One plan for both: to cell 2, live and for the next start.
vconsole profile save tried wanders >/dev/null
sed -i 's/^"vcpu 0" = .*/"vcpu 0" = "4"/; s/^numatune = .*/numatune = "restrictive 2"/' "$profile"
said 0 'applied' vconsole profile apply tried
moved() { (($(on_cell wanders 2) > 95)); }
wait_for moved
[[ $(vcpu_on wanders) == 4 ]]
virsh dumpxml --inactive wanders | grep -q "mode='restrictive' nodeset='2'"
said 0 'applied' vconsole undo
back() { (($(on_cell wanders 0) > 95)); }
wait_for back
[[ $(vcpu_on wanders) == 6 ]]
says "one plan moves vCPU and memory to cell 2; undone, both are back"

guest free 96 6 0-1
said 3 'only restrictive cells change while it runs' vconsole tune free numatune='strict 3' --live
said 0 'arrived' vconsole locality free --to home
(($(on_cell free 3) > 95))
mkdir "$place/full"
mount -t tmpfs -o mpol=bind:1,size=2G full "$place/full"
cells_free=$(awk '/MemFree/{print int($4 / 1024)}' /sys/devices/system/node/node1/meminfo)
head -c $((cells_free - 80))M /dev/zero >"$place/full/file"
said 3 'would come' vconsole locality free --to 1
umount "$place/full"
virsh -q destroy free
says "migratepages moves what is not bound; without room it is refused"

systemctl set-property --runtime machine.slice AllowedCPUs=0-5
said 3 'machine.slice leaves pCPUs 0-5: the kernel refuses the set' vconsole pin wanders 7 --live
said 0 'machine.slice leaves pCPUs 0-5: the kernel runs it on 0-5' vconsole pin wanders 0 --emulator --dry-run
[[ $(vcpu_on wanders) == 0-5 ]]
said 0 'the kernel holds it to 4-5' vconsole pin wanders 4-7 --vcpu 0 --live
[[ $(vcpu_on wanders) == 4-5 ]]
systemctl set-property --runtime machine.slice AllowedCPUs=0-3,6-7
mkdir $groups/apart
echo 4-5 >$groups/apart/cpuset.cpus
echo isolated >$groups/apart/cpuset.cpus.partition
grep -qx isolated $groups/apart/cpuset.cpus.partition
said 0 'yes' sh -c 'vconsole show pcpu 4 | grep isolated'
said 3 'leaves pCPUs 0-3,6-7: the kernel refuses the set' vconsole pin wanders 4 --live
echo member >$groups/apart/cpuset.cpus.partition
rmdir $groups/apart
systemctl set-property --runtime machine.slice AllowedCPUs=0-7
vconsole pin wanders 6 --vcpu 0 --live >/dev/null
[[ $(vcpu_on wanders) == 6 ]]
says "a slice and an isolated partition: warned and refused as the kernel acts"

taskset -c 6 sh -c 'while :; do :; done' &
hog=$!
said 0 'it has no other pCPU: give it more, or stop it' vconsole why wanders --seconds 5
grep -q 'vCPU 0 waits' /tmp/said
kill "$hog"
taskset -c 6 sh -c 'while :; do dd if=/dev/vda of=/dev/null bs=4k count=2000 iflag=direct 2>/dev/null; done' &
hog=$!
said 0 '/s on pCPU 6: its affinity is' vconsole why --pcpu 6 --seconds 5
kill "$hog"
says "a task of the host and an irq that disturb are named"
says "all is well"
