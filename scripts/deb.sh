#!/usr/bin/env bash
# Build dist/vconsole_VERSION_ARCH.deb for the Debian or Ubuntu that this runs on.
#
#   scripts/deb.sh [OUTPUT DIRECTORY]
#
# It brings its own virtual environment in /usr/lib/vconsole, bound to the distribution's Python;
# libvirt, lxml and psutil are the distribution's. PYTHON=/usr/bin/python3, WHEEL=... if there is one.
set -euo pipefail
cd "$(dirname "$0")/.."

out=$(realpath -m "${1:-dist}")
python=${PYTHON:-/usr/bin/python3}
needed=(python3-venv python3-libvirt python3-lxml python3-psutil)

say() { printf 'deb: %s\n' "$*" >&2; }

missing=()
for name in "${needed[@]}"; do
  [[ $(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null) == installed ]] || missing+=("$name")
done
if ((${#missing[@]})); then
  ((EUID == 0)) || { say "first: sudo apt-get install --no-install-recommends ${missing[*]}"; exit 1; }
  say "installing ${missing[*]}"
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
fi

# shellcheck source=/dev/null
distribution=$(. /etc/os-release && echo "$ID${VERSION_ID:-}")
version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' vconsole/__init__.py)-1~$distribution
arch=$(dpkg --print-architecture)
series=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
next=$("$python" -c 'import sys; print("%d.%d" % (sys.version_info[0], sys.version_info[1] + 1))')
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree
umask 022
PREFIX=/usr SYSCONFDIR=/etc DESTDIR=$tree PYTHON=$python CONFIG=replace \
  scripts/install.sh ${WHEEL:+"$WHEEL"}

# Debian's zsh does not look into site-functions of /usr/share.
install -D -m 0644 "$tree/usr/share/zsh/site-functions/_vconsole" \
  "$tree/usr/share/zsh/vendor-completions/_vconsole"
rm -r "$tree/usr/share/zsh/site-functions"
doc=$tree/usr/share/doc/vconsole
install -D -m 0644 packaging/deb/copyright "$doc/copyright"
install -m 0644 README.md CHANGELOG.md "$doc/"
# The date is that of the last change: the same tree makes the same package.
date=$(git log -1 --format=%aD 2>/dev/null || date -R -r CHANGELOG.md)
printf 'vconsole (%s) unstable; urgency=medium\n\n  * See CHANGELOG.md.\n\n -- %s  %s\n' \
  "$version" "vconsole developers <vconsole@localhost>" "$date" | gzip -9n >"$doc/changelog.Debian.gz"
find "$tree/usr/share/man" -type f -exec gzip -9n {} +

install -d "$tree/DEBIAN"
sed -e "s/@VERSION@/$version/" -e "s/@ARCH@/$arch/" -e "s/@SERIES@/$series/" -e "s/@NEXT@/$next/" \
  -e "s/@SIZE@/$(du -sk "$tree" | cut -f1)/" packaging/deb/control >"$tree/DEBIAN/control"
(cd "$tree" && find etc -type f -printf '/%p\n' | sort) >"$tree/DEBIAN/conffiles"
install -m 0755 packaging/deb/{postinst,prerm,postrm} "$tree/DEBIAN/"
(cd "$tree" && find usr -type f -print0 | sort -z | xargs -0 md5sum) >"$tree/DEBIAN/md5sums"
mkdir -p "$out"
SOURCE_DATE_EPOCH=$(date -d "$date" +%s) dpkg-deb --root-owner-group -Zxz --build "$tree" \
  "$out/vconsole_${version}_$arch.deb" >&2
echo "$out/vconsole_${version}_$arch.deb"
