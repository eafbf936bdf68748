#!/usr/bin/env bash
# Run as root on a booted machine with systemd, libvirtd and the package installed, a throw-away one:
# start, stop, reload, kill -9 and restart both units, and try what their hardening forbids.
set -euo pipefail
. "$(dirname "$0")/tried.sh"

state() { systemctl show --property ActiveState --value "$1"; }
pid() { systemctl show --property MainPID --value "$1"; }
is() { [[ $(state "$1") == "$2" ]]; }
# Run something as a unit is run: in its sandbox, by its own settings.
within() {
  local unit=$1
  shift
  local -a settings=()
  mapfile -t settings < <(systemctl cat "$unit" | sed -n '/^\[Service\]/,/^\[Install\]/p' |
    grep -E '^(Protect|Private|Restrict|Read|Inaccessible|IPAddress|Remove|Lock|Memory|NoNew|SystemCall|Capability|UMask|Tasks)' |
    sed 's/^/--property=/')
  systemd-run --quiet --wait --pipe --collect "${settings[@]}" -- "$@"
}
refused() { if within "$@" >/dev/null 2>&1; then says "NOT refused: $*"; return 1; fi; }

for unit in vconsole-hostinfod vconsole-vhostmd; do
  systemctl start "$unit"
  is "$unit" active
  first=$(pid "$unit")
  systemctl reload "$unit"
  sleep 1
  is "$unit" active && [[ $(pid "$unit") == "$first" ]]
  kill -9 "$first"
  again() { is "$unit" active && [[ $(pid "$unit") != "$first" && $(pid "$unit") != 0 ]]; }
  wait_for again
  second=$(pid "$unit")
  systemctl restart "$unit"
  is "$unit" active && [[ $(pid "$unit") != "$second" ]]
  systemctl stop "$unit"
  is "$unit" inactive
  says "$unit: started, reloaded, killed and back, restarted, stopped"
done
[[ $(systemctl show --property Result --value vconsole-hostinfod) == success ]]

vconsole hostinfo service on
vconsole metrics service on
systemctl is-active hostinfo.service vhostmd.service >/dev/null
wait_for vconsole metrics check
vconsole hostinfo show | grep 'hostinfod runs'
says "on, under the old names too; disk and status socket are there"

# Whoever stops first leaves the other's socket alone.
systemctl stop vconsole-hostinfod
[[ -S /run/vconsole/vhostmd.sock ]]
systemctl start vconsole-hostinfod

for unit in vconsole-hostinfod vconsole-vhostmd; do
  refused "$unit" touch /etc/passwd
  refused "$unit" ls /root/.ssh
  refused "$unit" sh -c 'echo 1 >/proc/sys/kernel/sysrq'
  refused "$unit" unshare --net true
  refused "$unit" mount -t tmpfs none /mnt
  refused "$unit" python3 -c 'import mmap; mmap.mmap(-1, 4096, prot=7)'
  refused "$unit" python3 -c 'import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)'
  within "$unit" cat /proc/loadavg /sys/devices/system/cpu/online >/dev/null
done
# What is inaccessible is empty: the right to override modes, which sockets need, opens it all the same.
[[ -z $(within vconsole-hostinfod cat /etc/shadow) ]]
refused vconsole-hostinfod python3 -c 'import socket; socket.create_connection(("127.0.0.1", 22), 2)'
within vconsole-vhostmd sh -c 'echo >/dev/shm/tried && rm /dev/shm/tried'
says "the sandbox refuses files, network, mounts, namespaces and code that was written; allows what is needed"
systemd-analyze security --no-pager vconsole-hostinfod vconsole-vhostmd | grep Overall || true

! journalctl -b -u vconsole-hostinfod -u vconsole-vhostmd -p err -q --no-pager | grep -v 'main process exited' | grep .
# A user without rights is told what would work.
if id plain >/dev/null 2>&1; then
  code=0
  runuser -u plain -- vconsole hostinfo service off || code=$?
  [[ $code == 3 ]]
  systemctl is-active vconsole-hostinfod >/dev/null
  says "a user without rights is refused, in words"
fi
vconsole doctor || true
vconsole hostinfo service off
vconsole metrics service off
is vconsole-hostinfod inactive && is vconsole-vhostmd inactive
says "off; all is well"
