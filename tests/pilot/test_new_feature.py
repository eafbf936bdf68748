"""A feature is a folder, its screens and one line: the example of the documents is one.

It is laid into a copy of the program, where its own tests are run, and the walls still hold.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs/dev/example"
LINE = '    "hostdevices",\n'


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program with the example in it."""
    copy = tmp_path_factory.mktemp("house")
    shutil.copytree(ROOT / "vconsole", copy / "vconsole", ignore=shutil.ignore_patterns("*.pyc"))
    shutil.copytree(EXAMPLE, copy, dirs_exist_ok=True)
    shutil.copy(ROOT / "pyproject.toml", copy)
    listed = copy / "vconsole/features/__init__.py"
    head, tail = listed.read_text().split("\n)\n", 1)
    listed.write_text(f"{head}\n{LINE})\n{tail}")
    return copy


def run(house: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, *words],
        cwd=house,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": f"{house}:{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_its_own_tests_pass(house: Path) -> None:
    said = run(house, "-c", "import vconsole; print(vconsole.__file__)")
    assert said == f"{house}/vconsole/__init__.py\n"
    run(house, "-m", "pytest", "-p", "tests.conftest", "test_hostdevices.py")


def test_it_stays_within_the_walls(house: Path) -> None:
    lint = "from importlinter.cli import lint_imports_command as lint; lint(['--no-cache'])"
    assert "0 broken" in run(house, "-c", lint)


def test_its_parts_are_where_the_documents_say() -> None:
    """A folder and a screen; the one line is here."""
    files = {str(path.relative_to(EXAMPLE)) for path in EXAMPLE.rglob("*.py")}
    folder, screen = "vconsole/features/hostdevices/", "vconsole/screens/hostdevices.py"
    assert {f for f in files if not f.startswith(folder)} == {screen, "test_hostdevices.py"}
