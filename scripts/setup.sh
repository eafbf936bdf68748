#!/usr/bin/env bash
# Make .venv fit to run the console (run) or to test it (test), doing only what is missing.
#
#   scripts/setup.sh run|test
#
# libvirt-python comes as source, so a C compiler, pkg-config and the headers of libvirt and of
# Python are part of what it takes. PYTHON=... chooses the interpreter.
set -euo pipefail
cd "$(dirname "$0")/.."

level=${1:-run}
case $level in run | test) ;; *) echo "usage: scripts/setup.sh run|test" >&2; exit 2 ;; esac

venv=.venv
integration=(libvirt-daemon libvirt-daemon-system libvirt-daemon-driver-qemu libvirt-clients
  qemu-system-x86 qemu-utils lvm2 busybox-static kmod cpio e2fsprogs lz4 xz-utils zstd iproute2
  groff-base systemd fish)
# What Debian has apart since 13, and other releases have in one of those above.
apart=(libvirt-daemon-driver-interface)

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

# --- what is this machine? ------------------------------------------------------------------

family() {
  local ids
  ids=$( [[ -r /etc/os-release ]] && . /etc/os-release && echo "${ID:-} ${ID_LIKE:-}" ) || ids=
  case " $ids " in
    *" debian "* | *" ubuntu "*) echo debian ;;
    *" fedora "* | *" rhel "*) echo fedora ;;
    *suse*) echo suse ;;
    *) echo other ;;
  esac
}

is_new_enough() {
  "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
  local name
  for name in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if command -v "$name" >/dev/null && is_new_enough "$name"; then
      command -v "$name"
      return
    fi
  done
  return 1
}

# --- what does it lack? ---------------------------------------------------------------------

# "3.11" for a distribution's second Python, "3" for its own: how Debian names its packages.
python_series() {
  [[ $(basename "$1") =~ ^python(3\.[0-9]+)$ ]] && echo "${BASH_REMATCH[1]}" || echo 3
}

has_header() {
  "$1" -c 'import os, sys, sysconfig
sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))'
}

needs_binding() {
  [[ ! -x $venv/bin/python ]] || ! "$venv/bin/python" -c 'import libvirt' 2>/dev/null
}

# Words for what is missing, one a line; the tables below turn them into package names.
lacking() {
  local python
  if ! python=$(find_python); then
    printf '%s\n' python venv header
  else
    "$python" -c 'import ensurepip, venv' 2>/dev/null || echo venv
    ! needs_binding || has_header "$python" || echo header
  fi
  if needs_binding; then
    command -v gcc >/dev/null || command -v cc >/dev/null || echo compiler
    if ! command -v pkg-config >/dev/null; then
      printf '%s\n' pkg-config libvirt
    else
      pkg-config --exists libvirt || echo libvirt
    fi
  fi
}

# The newest packaged Python that will do: the default one, or Ubuntu 22.04's second one.
packaged_series() {
  local version name
  version=$(apt-cache show --no-all-versions python3 2>/dev/null | sed -n 's/^Version: //p' | head -n 1)
  if dpkg --compare-versions "${version:-0}" ge 3.11; then
    echo 3
    return
  fi
  for name in 3.13 3.12 3.11; do
    if apt-cache show "python$name" >/dev/null 2>&1; then
      echo "$name"
      return
    fi
  done
  echo 3
}

debian_packages() {
  local series python word
  if python=$(find_python); then series=$(python_series "$python"); else series=$(packaged_series); fi
  for word in "$@"; do
    case $word in
      python) echo "python$series" ;;
      venv) echo "python$series-venv" ;;
      header) echo "python$series-dev" ;;
      compiler) printf '%s\n' gcc libc6-dev ;;
      pkg-config) echo pkg-config ;;
      libvirt) echo libvirt-dev ;;
    esac
  done
}

absent_debs() {
  local name
  for name in "$@"; do
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null) == installed ]] || echo "$name"
  done
}

known_debs() {
  local name
  for name in "$@"; do
    ! apt-cache show --no-all-versions "$name" >/dev/null 2>&1 || echo "$name"
  done
}

# --- installing -----------------------------------------------------------------------------

apt_install() {
  local -a as=()
  if ((EUID != 0)); then
    if ! command -v sudo >/dev/null || { ! sudo -n true 2>/dev/null && ! { : </dev/tty; } 2>/dev/null; }; then
      say "these packages are missing, and there is no way to ask for a password here. Run:"
      die "  sudo apt-get install --no-install-recommends $*"
    fi
    say "sudo is needed to install: $*"
    as=(sudo)
  fi
  say "installing $*"
  "${as[@]}" apt-get update -qq || say "apt-get update failed; trying with the lists at hand"
  "${as[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "$@" >&2 || die "apt-get could not install: $*"
}

ask_user_to_install() {
  say "missing here: $*. Install them and run this again:"
  case $(family) in
    fedora) die "  sudo dnf install python3 python3-devel gcc pkgconf-pkg-config libvirt-devel" ;;
    suse) die "  sudo zypper install python311 python311-devel gcc pkg-config libvirt-devel" ;;
    *) die "  Python >= 3.11 with venv and headers, a C compiler, pkg-config, libvirt's headers" ;;
  esac
}

install_system_packages() {
  local -a words packages=()
  mapfile -t words < <(lacking)
  if ((${#words[@]})); then
    [[ $(family) == debian ]] || ask_user_to_install "${words[@]}"
    mapfile -t packages < <(debian_packages "${words[@]}")
  fi
  # A user who is not root can run every other test; the integration tests then say why they skip.
  if [[ $level == test && $(family) == debian && $EUID == 0 ]]; then
    mapfile -t -O "${#packages[@]}" packages < <(absent_debs "${integration[@]}")
  fi
  ((${#packages[@]} == 0)) || apt_install "${packages[@]}"
  if [[ $level == test && $(family) == debian && $EUID == 0 ]]; then
    mapfile -t packages < <(known_debs $(absent_debs "${apart[@]}"))
    ((${#packages[@]} == 0)) || apt_install "${packages[@]}"
  fi
}

make_venv() {
  local python
  python=$(find_python) || die "no Python >= 3.11 found, also not after installing"
  if [[ -x $venv/bin/python ]] && is_new_enough "$venv/bin/python"; then
    return
  fi
  rm -rf "$venv"
  "$python" -m venv "$venv" || die "could not make $venv"
}

install_project() {
  local what=.
  [[ $level == run ]] || what='.[test]'
  say "installing vconsole into $venv (level $level)"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable "$what" \
    || die "pip failed; see above"
}

# --- doing it once --------------------------------------------------------------------------

fingerprint() {
  {
    cat pyproject.toml scripts/setup.sh
    readlink -f "$venv/bin/python" && "$venv/bin/python" -V
    pwd
  } 2>/dev/null | sha256sum
}

is_done() {
  local mark stamp
  [[ -x $venv/bin/python ]] || return 1
  mark=$(fingerprint)
  for stamp in "$@"; do
    [[ -r $venv/setup-$stamp && $(<"$venv/setup-$stamp") == "$mark" ]] && return
  done
  return 1
}

# Byte code is written even where the environment forbids it: it is half of the start time.
compile_if_stale() {
  local stamp=$venv/compiled
  if [[ -e $stamp && -d vconsole/__pycache__ ]] \
    && [[ -z $(find vconsole -name '*.py' -newer "$stamp" -print -quit) ]]; then
    return
  fi
  if env -u PYTHONDONTWRITEBYTECODE "$venv/bin/python" -m compileall -q vconsole; then
    touch "$stamp"
  fi
}

# What is done for root's tests is enough for a user's, and what is for tests is for running.
case $level-$((EUID == 0)) in
  test-1) levels=(root) ;;
  test-0) levels=(test root) ;;
  *) levels=(run test root) ;;
esac
if ! is_done "${levels[@]}"; then
  [[ ! -e $venv || -w $venv ]] || die "$venv was made by another user: sudo rm -rf $PWD/$venv"
  install_system_packages
  make_venv
  install_project
  fingerprint >"$venv/setup-${levels[0]}"
fi
compile_if_stale || true
