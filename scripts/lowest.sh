#!/usr/bin/env bash
# Install the oldest versions that pyproject.toml allows into .venv-lowest, and run the tests there.
#
#   scripts/lowest.sh [PYTEST ARGUMENTS]       the default: tests/unit tests/pilot
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.venv-lowest
python=${PYTHON:-python3}
export UV_SYSTEM_CERTS=1 SSL_CERT_FILE=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
[[ -x $venv/bin/python ]] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check uv
export VIRTUAL_ENV=$PWD/$venv
# A binding is made for no libvirt newer than itself.
"$venv/bin/uv" pip install --quiet --resolution lowest-direct --editable . \
  "libvirt-python>=$(pkg-config --modversion libvirt)"
# The tools of the tests are new, and change nothing of that.
"$venv/bin/uv" pip freeze --exclude-editable >"$venv/lowest.txt"
"$venv/bin/uv" pip install --quiet --constraint "$venv/lowest.txt" --editable '.[test]'
cat "$venv/lowest.txt"
if (($#)); then exec "$venv/bin/python" -m pytest "$@"; fi
exec "$venv/bin/python" -m pytest -n 2 tests/unit tests/pilot
