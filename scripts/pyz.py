"""Makes dist/vconsole.pyz: one file that runs with the distribution's Python and libvirt.

    python -m scripts.pyz [OUTPUT DIRECTORY]

What is compiled for one Python is not in it: libvirt-python and lxml are the distribution's, and
without watchfiles the daemons look every two seconds. psutil's build fits every Python 3 of this
kind of machine, and is used where the distribution has none.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from vconsole import __version__

_ROOT: Final = Path(__file__).parent.parent
_COMPILED: Final = {"libvirt-python", "lxml", "psutil", "watchfiles"}
_DATE: Final = 1980, 1, 1, 0, 0, 0
"""The earliest that an archive can name: the same files make the same archive."""


def main() -> None:
    """Gather, check and pack."""
    out = Path(sys.argv[1] if len(sys.argv) > 1 else _ROOT / "dist") / "vconsole.pyz"
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        _gather(home)
        if bound := sorted((home / "site").rglob("*.so")):
            sys.exit(f"pyz: bound to one Python: {bound[0].relative_to(home)}")
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(b"#!/usr/bin/env python3\n")
        _pack(home, out)
    out.chmod(0o755)
    print(out)


def _gather(home: Path) -> None:
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = {re.split(r"[^\w-]", text)[0]: text for text in project["dependencies"]}
    pure = [text for name, text in wanted.items() if name not in _COMPILED]
    _pip("--only-binary=:all:", f"--target={home / 'site'}", *pure)
    _pip("--no-deps", f"--target={home / 'site'}", str(_ROOT))
    _pip("--only-binary=:all:", "--no-deps", f"--target={home / 'native'}", wanted["psutil"])


def _pip(*words: str) -> None:
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    subprocess.run((*pip, "--no-compile", *words), check=True)


def _pack(home: Path, out: Path) -> None:
    """Append the files to what `out` begins with, and the start that names their digest."""
    digest = hashlib.sha256()
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in _files(home):
            digest.update(f"{name} {len(data)}\n".encode() + data)
            archive.writestr(_entry(name), data)
        start = (_ROOT / "packaging/pyz/__main__.py").read_text("utf-8")
        start = start.replace("@NAME@", f"{__version__}-{digest.hexdigest()[:16]}")
        archive.writestr(_entry("__main__.py"), start)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _DATE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _files(home: Path) -> Iterator[tuple[str, bytes]]:
    """(name in the archive, content): programs, manual and pip's own notes stay out."""
    for path in sorted(home.rglob("*")):
        name = str(path.relative_to(home))
        apart = {"bin", "share", "__pycache__", "tests"} & set(path.parts[len(home.parts) :])
        if path.is_file() and not apart and path.name not in ("direct_url.json", "RECORD"):
            yield name, path.read_bytes()


if __name__ == "__main__":
    main()
