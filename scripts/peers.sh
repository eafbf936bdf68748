#!/usr/bin/env bash
# Bring what `make bench` compares with into a directory outside the source tree; nothing of the
# system is changed.
#
#   scripts/peers.sh [DIRECTORY]        ~/.cache/vconsole-peers, where `make bench` looks
#
# virt-top comes from where it is packaged: Debian 13's runs on Debian 12 as well, from which it is
# missing. virtui-manager comes from PyPI and wants python3-gi and python3-libvirt of the system.
set -euo pipefail

readonly SUITE=trixie VIRTUI=3.3.3
dir=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/vconsole-peers}
mkdir -p "$dir/bin"
dir=$(cd "$dir" && pwd)
here=$(cd "$(dirname "$0")/.." && pwd)
[[ $dir/ != "$here"/* ]] || { echo "peers: outside the source tree, please" >&2; exit 2; }

virt-top-wanted() {
  local apt=$dir/apt keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/tmp"
  echo "deb [signed-by=$keyring] http://deb.debian.org/debian $SUITE main" >"$apt/sources.list"
  local options=(-qq -o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=-
    -o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User=root)
  export TMPDIR=$apt/tmp
  apt-get "${options[@]}" update && cd "$apt" && apt-get "${options[@]}" download virt-top &&
    dpkg -x "$apt"/virt-top_*.deb "$dir/virt-top" &&
    ln -sfn "$dir/virt-top/usr/bin/virt-top" "$dir/bin/virt-top"
}

virtui-manager-wanted() {
  local venv=$dir/virtui-manager
  local pip=("$venv/bin/pip" install --quiet --disable-pip-version-check)
  /usr/bin/python3 -c 'import gi, libvirt' &&
    /usr/bin/python3 -m venv --system-site-packages "$venv" &&
    "${pip[@]}" --no-deps "virtui-manager==$VIRTUI" &&
    "${pip[@]}" 'textual>=8,<9' PyYAML markdown-it-py packaging requests netifaces &&
    ln -sfn "$venv/bin/virtui-manager" "$dir/bin/virtui-manager"
}

for peer in virt-top virtui-manager; do
  if [[ -e $dir/bin/$peer ]] || ("$peer-wanted"); then
    echo "$peer: $dir/bin/$peer"
  else
    echo "$peer: cannot be had here" >&2
  fi
done
