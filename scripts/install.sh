#!/usr/bin/env bash
# Install vconsole for a whole system: a virtual environment in PREFIX/lib/vconsole, and what lies
# elsewhere of units, manual, completions and configuration.
#
#   scripts/install.sh [WHEEL]       PREFIX=/usr/local DESTDIR= SYSCONFDIR=/etc PYTHON=python3
#   scripts/install.sh --uninstall   takes all of it away but the configuration
#
# Without WHEEL this tree is installed. libvirt, lxml and psutil are the distribution's where
# PYTHON has them; else they come with the others, and libvirt-python is compiled.
# A package says CONFIG=replace: an administrator's changes are the package manager's affair then.
set -euo pipefail
cd "$(dirname "$0")/.."

prefix=${PREFIX:-/usr/local} destdir=${DESTDIR:-} sysconf=${SYSCONFDIR:-/etc}
python=${PYTHON:-python3}
home=$prefix/lib/vconsole
root=$destdir$prefix
unit_dir=$prefix/lib/systemd/system

say() { printf 'install: %s\n' "$*" >&2; }

uninstall() {
  say "removing vconsole from $root; the configuration in $destdir$sysconf stays"
  rm -rf "${root:?}/lib/vconsole" "$root/share/vconsole"
  rm -f "$root"/bin/vconsole "$root"/bin/vconsole-hostinfo
  rm -f "$root"/share/man/man1/vconsole.1 "$root"/share/man/man5/hostinfo.conf.5
  rm -f "$root"/share/man/man8/vconsole-{hostinfod,vhostmd}.8
  rm -f "$root"/share/bash-completion/completions/vconsole
  rm -f "$root"/share/zsh/site-functions/_vconsole
  rm -f "$root"/share/fish/vendor_completions.d/vconsole.fish
  rm -f "$destdir$unit_dir"/vconsole-{hostinfod,vhostmd}.service
  rm -f "$root"/lib/tmpfiles.d/vconsole.conf
}

has_systems_libraries() {
  "$python" -I -c 'import libvirt, lxml, psutil
raise SystemExit(libvirt.getVersion() < 9000000)' 2>/dev/null
}

make_home() {
  local -a how=()
  ! has_systems_libraries || how=(--system-site-packages)
  rm -rf "${root:?}/lib/vconsole"
  "$python" -m venv "${how[@]}" "$destdir$home"
  local -a pip=("$destdir$home/bin/python" -m pip --quiet --disable-pip-version-check)
  "${pip[@]}" install --no-compile --no-warn-script-location "$1"
  local -a tools=(pip)
  "${pip[@]}" show setuptools >/dev/null 2>&1 && [[ -d $(site)/setuptools ]] && tools+=(setuptools)
  "${pip[@]}" uninstall --yes "${tools[@]}"
}

# The directory of the packages in the environment.
site() { echo "$destdir$home"/lib/python3*/site-packages; }

# What a build leaves behind of its own places, and programs that are nobody's business.
tidy() {
  local name
  for name in "$destdir$home"/bin/*; do
    [[ $(basename "$name") == python* ]] || rm -f "$name"
  done
  sed -i '/^command = /d' "$destdir$home/pyvenv.cfg"
  rm -f "$destdir$home/.gitignore"
  rm -f "$(site)"/vconsole-*.dist-info/direct_url.json
  # What a package owns is never stale: byte code that is not compared with its source.
  "$destdir$home/bin/python" -I -m compileall -q -s "$destdir" --invalidation-mode unchecked-hash \
    "$(site)" || true
}

launcher() {
  install -d "$root/bin"
  printf '#!%s/bin/python -I\nimport sys\n\nfrom %s import main\n\nsys.exit(main())\n' \
    "$home" "$2" >"$root/bin/$1"
  chmod 0755 "$root/bin/$1"
}

spread() {
  local share=$destdir$home/share name
  for name in man bash-completion zsh fish; do
    install -d "$root/share/$name"
    cp -r "$share/$name/." "$root/share/$name/"
    rm -rf "${share:?}/$name"
  done
  install -d "$destdir$unit_dir" "$root/lib/tmpfiles.d"
  for name in "$share"/vconsole/systemd/*.service; do
    sed "s,/usr/bin/vconsole,$prefix/bin/vconsole," "$name" >"$destdir$unit_dir/$(basename "$name")"
  done
  install -m 0644 "$share/vconsole/tmpfiles.d/vconsole.conf" "$root/lib/tmpfiles.d/"
  for name in hostinfo/hostinfo.conf vhostmd/vhostmd.conf vhostmd/vhostmd.dtd vhostmd/metric.dtd; do
    [[ -e $destdir$sysconf/$name && ${CONFIG:-keep} == keep ]] \
      || install -D -m 0644 "$share/vconsole/$name" "$destdir$sysconf/$name"
  done
  install -d "$root/share/vconsole"
  install -m 0644 "$share/vconsole/vhostmd-sap.conf" "$share/vconsole/hostinfo/hostinfo.conf" \
    "$root/share/vconsole/"
  rm -rf "$share"
}

[[ ${1:-} != --uninstall ]] || { uninstall; exit; }
umask 022
make_home "${1:-.}"
tidy
launcher vconsole vconsole.__main__
launcher vconsole-hostinfo vconsole.features.hostinfo.guest
spread
if [[ -z $destdir ]]; then
  ! command -v systemd-tmpfiles >/dev/null || \
    systemd-tmpfiles --create "$root/lib/tmpfiles.d/vconsole.conf" || true
  [[ ! -d /run/systemd/system ]] || systemctl daemon-reload
fi
say "vconsole is in $root/bin"
