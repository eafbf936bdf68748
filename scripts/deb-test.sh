#!/usr/bin/env bash
# Build the package for each Debian, install it in a fresh chroot, try it, purge it. Needs root.
#
#   scripts/deb-test.sh [SUITE...]     the default: bookworm trixie
#
# VCONSOLE_CHROOTS (/var/cache/vconsole-chroots) keeps what debootstrap made, and the build chroots:
# then it takes a minute for each suite, else two. Ends with 75 where it cannot be tried here: without
# root, without debootstrap, while Debian's packages cannot be had.
set -euo pipefail
cd "$(dirname "$0")/.."

cache=${VCONSOLE_CHROOTS:-/var/cache/vconsole-chroots}
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
here=$PWD
cleanup=()
trap 'for one in "${cleanup[@]}"; do leave "$one"; done' EXIT

say() { printf 'deb-test: %s\n' "$*" >&2; }
untried() { say "not tried: $*"; exit 75; }

# A suite as debootstrap makes it, unpacked to $2.
unpack() {
  local suite=$1 to=$2
  if [[ ! -e $cache/$suite.tar ]]; then
    say "debootstrap $suite"
    rm -rf "$cache/$suite.new"
    debootstrap --variant=minbase "$suite" "$cache/$suite.new" "$mirror" >"$cache/$suite.log" 2>&1 ||
      untried "debootstrap $suite failed, see $cache/$suite.log"
    tar -C "$cache/$suite.new" -cf "$cache/$suite.tar.new" . && rm -rf "$cache/$suite.new"
    mv "$cache/$suite.tar.new" "$cache/$suite.tar"
  fi
  mkdir -p "$to"
  tar -C "$to" -xf "$cache/$suite.tar"
}

enter() {
  local root=$1
  cleanup+=("$root")
  mount -t proc proc "$root/proc"
  mount -t tmpfs shm "$root/dev/shm" 2>/dev/null || { mkdir -p "$root/dev/shm"; mount -t tmpfs shm "$root/dev/shm"; }
  mount --bind /dev/pts "$root/dev/pts"
  cp /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null || true
  mkdir -p "$root/etc/ssl/certs"
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
  chmod +x "$root/usr/sbin/policy-rc.d"
}

leave() {
  local root=$1 place
  for place in proc dev/shm dev/pts; do
    ! mountpoint -q "$root/$place" || umount "$root/$place"
  done
}

inside() {
  local root=$1
  shift
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM=xterm-256color \
    DEBIAN_FRONTEND=noninteractive PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
    chroot "$root" "$@"
}

build() {
  local suite=$1 root=$cache/$suite-build
  if [[ ! -e $root/ready ]]; then
    rm -rf "$root"
    unpack "$suite" "$root"
    enter "$root"
    inside "$root" apt-get update -qq || untried "no lists of packages of $suite"
    inside "$root" apt-get install -y -qq --no-install-recommends ca-certificates \
      python3-venv python3-libvirt python3-lxml python3-psutil >"$root/apt.log" 2>&1 ||
      untried "packages of $suite cannot be had, see $root/apt.log"
    touch "$root/ready"
  else
    enter "$root"
  fi
  cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
  rm -rf "$root/src" "$root/out"
  mkdir "$root/src"
  git ls-files -z --cached --others --exclude-standard | tar --null -T - -cf - | tar -C "$root/src" -xf -
  inside "$root" /src/scripts/deb.sh /out >/dev/null
  leave "$root"
  mkdir -p "$here/dist"
  cp "$root"/out/*.deb "$here/dist/"
}

try() {
  local suite=$1 root
  root=$(mktemp -d "$cache/$suite-XXXXXX")
  unpack "$suite" "$root"
  enter "$root"
  inside "$root" apt-get update -qq || untried "no lists of packages of $suite"
  cp "$cache/$suite-build"/out/*.deb "$root/tmp/vconsole.deb"
  install -m 0755 scripts/deb-tried.sh "$root/tmp/"
  local code=0
  inside "$root" /tmp/deb-tried.sh || code=$?
  leave "$root"
  rm -rf "$root"
  ((code != 75)) || untried "packages of $suite cannot be had"
  ((code == 0)) || { say "$suite: failed"; return 1; }
  say "$suite: installed, tried, purged"
}

((EUID == 0)) || untried "needs root, to make chroots"
command -v debootstrap >/dev/null || apt-get install -y -qq --no-install-recommends debootstrap >&2 ||
  untried "needs debootstrap"
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
for suite in ${*:-bookworm trixie}; do
  build "$suite"
  try "$suite"
done
