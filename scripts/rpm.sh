#!/usr/bin/env bash
# Build dist/vconsole-VERSION-1.ARCH.rpm by rpmbuild, with the Python of this machine.
#
#   scripts/rpm.sh [OUTPUT DIRECTORY]          PYTHON=/usr/bin/python3
set -euo pipefail
cd "$(dirname "$0")/.."

command -v rpmbuild >/dev/null || {
  echo "rpm: needs rpmbuild (package rpm-build, on Debian rpm)" >&2
  exit 1
}
out=$(realpath -m "${1:-dist}")
export PYTHON=${PYTHON:-/usr/bin/python3}
version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' vconsole/__init__.py)
series=$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rpmbuild -bb --quiet --define "_topdir $work" --define "vconsole_version $version" \
  --define "vconsole_python $series" --define "vconsole_source $PWD" packaging/rpm/vconsole.spec >&2
mkdir -p "$out"
cp "$work"/RPMS/*/*.rpm "$out/"
ls "$out"/vconsole-"$version"-*.rpm
