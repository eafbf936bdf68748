#!/usr/bin/env bash
# A whole machine to try vconsole on: Debian with systemd, libvirtd and ssh, four NUMA cells of two
# pCPUs on two sockets, emulated. It is slow: not part of `make test`. Needs root, to build it.
#
#   scripts/machine.sh build         its disk: 5 to 15 minutes once, 6 GB sparse
#   scripts/machine.sh start|stop    each start is a fresh one from that disk
#   scripts/machine.sh ssh [CMD...]  on it; PORT=2222 of the loopback
#   scripts/machine.sh try NAME...   start, put this tree on it, run scripts/NAME-tried.sh there
#
# NAME is numa (placement), units or storage (logical volumes). VCONSOLE_MACHINE (/var/cache/vconsole-machine) keeps the disk.
set -euo pipefail
cd "$(dirname "$0")/.."

home=${VCONSOLE_MACHINE:-/var/cache/vconsole-machine}
port=${PORT:-2222}
cells=(0 1 2 3) cell_mib=768
packages=(systemd-sysv udev dbus openssh-server iproute2 ca-certificates linux-image-cloud-amd64
  libvirt-daemon-system libvirt-clients qemu-system-x86 qemu-utils numactl tmux procps kmod sudo
  python3-minimal python3-venv python3-libvirt python3-lxml python3-psutil ncurses-term iptables
  libvirt-daemon-config-network dnsmasq-base lvm2)

say() { printf 'machine: %s\n' "$*" >&2; }
pid() { cat "$home/pid" 2>/dev/null; }
is_up() { [[ -e $home/pid ]] && kill -0 "$(pid)" 2>/dev/null; }
on() {
  ssh -q -i "$home/key" -p "$port" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
    -o ConnectTimeout="${CONNECT_S:-30}" root@127.0.0.1 "$@"
}

unpacked() {
  if [[ ! -e $home/system.tar ]]; then
    command -v mmdebstrap >/dev/null || apt-get install -y -qq --no-install-recommends mmdebstrap >&2
    say "installing Debian; it takes a while"
    mmdebstrap --quiet --variant=minbase --aptopt='APT::Install-Recommends "false"' \
      --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
      --include="$(IFS=,; echo "${packages[*]}")" bookworm "$home/system.tar.new"
    mv "$home/system.tar.new" "$home/system.tar"
  fi
  rm -rf "$home/root"
  mkdir "$home/root"
  tar -C "$home/root" -xf "$home/system.tar" --exclude='./dev/*'
}

# Whoever has the key is root, op (groups libvirt and sudo) or plain (no rights).
settled() {
  local root=$home/root name
  [[ -e $home/key ]] || ssh-keygen -q -t ed25519 -N '' -f "$home/key"
  echo numahost >"$root/etc/hostname"
  echo '127.0.0.1 localhost numahost' >"$root/etc/hosts"
  echo '/dev/vda / ext4 rw,noatime 0 1' >"$root/etc/fstab"
  echo 'LANG=C.UTF-8' >"$root/etc/default/locale"
  printf '[Match]\nName=en* eth*\n[Network]\nDHCP=yes\n' >"$root/etc/systemd/network/10.network"
  echo 'security_driver = "none"' >>"$root/etc/libvirt/qemu.conf"
  chroot "$root" useradd -m -s /bin/bash -G libvirt,sudo op
  chroot "$root" useradd -m -s /bin/bash plain
  echo 'op ALL=(ALL) NOPASSWD:ALL' >"$root/etc/sudoers.d/op"
  for name in root home/op home/plain; do
    install -d -m 0700 "$root/$name/.ssh"
    install -m 0600 "$home/key.pub" "$root/$name/.ssh/authorized_keys"
    [[ $name == root ]] || chroot "$root" chown -R "${name#home/}:${name#home/}" "/$name/.ssh"
  done
  chroot "$root" systemctl -q enable systemd-networkd ssh
  chroot "$root" systemctl -q mask systemd-networkd-wait-online apt-daily.timer \
    apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer
}

# The libraries that Debian lacks are fetched here; there is no network in the chroot.
installed() {
  local root=$home/root
  rm -rf "$root/wheels" "$root/src"
  mkdir "$root/src"
  git ls-files -z --cached --others --exclude-standard | tar --null -T - -cf - 2>/dev/null | tar -C "$root/src" -xf -
  .venv/bin/python -m pip wheel --quiet --disable-pip-version-check --wheel-dir "$root/wheels" .
  rm -f "$root"/wheels/libvirt_python-*
  chroot "$root" env PREFIX=/usr PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels \
    bash -c '/src/scripts/install.sh /wheels/vconsole-*.whl'
  rm -rf "$root/wheels" "$root/src"
}

build() {
  ((EUID == 0)) || { say "needs root, to install Debian in a directory"; exit 2; }
  mkdir -p "$home"
  rm -f "$home/disk"
  unpacked
  settled
  installed
  cp "$home"/root/boot/vmlinuz-* "$home/kernel"
  cp "$home"/root/boot/initrd.img-* "$home/initrd"
  truncate -s 6G "$home/disk.new"
  mke2fs -q -t ext4 -d "$home/root" "$home/disk.new"
  rm -rf "$home/root"
  mv "$home/disk.new" "$home/disk"
}

start() {
  ! is_up || return 0
  [[ -e $home/disk ]] || build
  local -a shape=() 
  local a b
  for a in "${cells[@]}"; do
    shape+=(-object "memory-backend-ram,id=m$a,size=${cell_mib}M"
      -numa "node,nodeid=$a,cpus=$((a * 2))-$((a * 2 + 1)),memdev=m$a")
  done
  for a in "${cells[@]}"; do
    for b in "${cells[@]}"; do
      ((a >= b)) || shape+=(-numa "dist,src=$a,dst=$b,val=$((a / 2 == b / 2 ? 12 : 21))")
    done
  done
  qemu-img create -q -f qcow2 -b "$home/disk" -F raw "$home/overlay"
  qemu-system-x86_64 -name numahost -machine q35 -accel tcg,thread=multi -cpu max,topoext=on \
    -m $((cell_mib * ${#cells[@]})) -smp 8,sockets=2,cores=2,threads=2 "${shape[@]}" \
    -kernel "$home/kernel" -initrd "$home/initrd" \
    -append "root=/dev/vda rw console=ttyS0 quiet mitigations=off systemd.show_status=0 ${APPEND:-}" \
    -drive "file=$home/overlay,if=virtio,format=qcow2,cache=unsafe,discard=unmap" \
    -netdev "user,id=net,hostfwd=tcp:127.0.0.1:$port-:22" -device virtio-net-pci,netdev=net,romfile= \
    -device virtio-rng-pci -nodefaults -display none -serial "file:$home/console.log" \
    -daemonize -pidfile "$home/pid"
  say "it boots; $home/console.log"
  for _ in {1..240}; do
    ! CONNECT_S=2 on true 2>/dev/null || return 0
    is_up || break
    sleep 1
  done
  say "it does not answer"
  return 1
}

stop() {
  is_up || return 0
  CONNECT_S=3 on poweroff || true
  for _ in {1..40}; do is_up || break; sleep 0.5; done
  ! is_up || kill "$(pid)"
  rm -f "$home/pid"
}

# What changes with every commit: the package itself, not what it needs.
put() {
  local site=/usr/lib/vconsole/lib/python3.11/site-packages
  tar -cf - --exclude=__pycache__ vconsole scripts | on "rm -rf $site/vconsole /root/scripts
    tar -C $site -xf - && mv $site/scripts /root/ && /usr/lib/vconsole/bin/python -m compileall -qq $site/vconsole"
}

try() {
  local name
  start
  put
  for name in "$@"; do
    say "$name"
    on "bash /root/scripts/$name-tried.sh"
  done
}

case ${1:-} in
  build | start | stop | put) "$1" ;;
  ssh) shift; on "$@" ;;
  try) shift; try "$@" ;;
  *) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
esac
