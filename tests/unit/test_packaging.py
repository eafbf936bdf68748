"""What a package brings: every file of it, sound, and as its manual says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from lxml import etree

from tests.unit.test_metrics_daemon import SAMPLE
from vconsole.features.metrics.daemon.actions import ActionPool
from vconsole.features.metrics.daemon.collect import Collector
from vconsole.features.metrics.model.config import PROFILES, parse, profile
from vconsole.features.metrics.model.document import render
from vconsole.registry import DAEMONS, SUBCOMMANDS

ROOT = Path(__file__).parents[2]
PACKAGING = ROOT / "packaging"
METRICS = ROOT / "vconsole" / "features" / "metrics"
SHARED: dict[str, str] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"][
    "hatch"
]["build"]["targets"]["wheel"]["shared-data"]


def complaints(name: str, *words: str | Path) -> list[str]:
    """What a program of the system's says against a file; nothing where there is no such program.

    `make test` installs them for root, on Debian.
    """
    program = shutil.which(name)
    if program is None:
        return []
    argv = [program, *map(str, words)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    return done.stderr.splitlines()


# -- what the wheel brings -------------------------------------------------------------------


def test_nothing_in_packaging_is_a_link_that_dangles_when_it_is_copied() -> None:
    assert [path for path in PACKAGING.rglob("*") if path.is_symlink()] == []


def test_every_file_that_is_shared_is_there_and_every_file_for_users_is_shared() -> None:
    assert [source for source in SHARED if not (ROOT / source).is_file()] == []
    users = [
        path.relative_to(ROOT).as_posix()
        for path in PACKAGING.rglob("*")
        if path.is_file() and path.suffix != ".in" and path.parent.name not in ("deb", "rpm", "pyz")
    ]
    assert sorted(users) == sorted(source for source in SHARED if source.startswith("packaging/"))


def test_what_install_takes_from_the_wheel_is_in_it() -> None:
    script = (ROOT / "scripts" / "install.sh").read_text("utf-8")
    places = {target.removeprefix("share/vconsole/") for target in SHARED.values()}
    for name in re.findall(r"(?:hostinfo|vhostmd)/[a-z]+\.(?:conf|dtd)", script):
        assert name in places


def test_the_single_file_unpacks_itself_once_and_runs_what_is_in_it(tmp_path: Path) -> None:
    file, cache = tmp_path / "vconsole.pyz", tmp_path / "cache"
    told = "def main() -> int:\n    print(__file__)\n    return 3\n"
    with zipfile.ZipFile(file, "w") as archive:
        archive.write(PACKAGING / "pyz/__main__.py", "__main__.py")
        archive.writestr("site/vconsole/__init__.py", "")
        archive.writestr("site/vconsole/__main__.py", told)
    for _ in range(2):
        argv, own = (sys.executable, "-I", str(file)), {"XDG_CACHE_HOME": str(cache)}
        done = subprocess.run(argv, env=own, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (3, "")
        assert done.stdout.strip() == str(cache / "vconsole/@NAME@/site/vconsole/__main__.py")
    assert [path.stat().st_mode & 0o777 for path in (cache / "vconsole").iterdir()] == [0o700]


def test_it_is_taken_away_from_a_system_that_no_directory_stands_for(tmp_path: Path) -> None:
    """Without DESTDIR; an expansion that wants it ended the script, install and uninstall alike."""
    program = tmp_path / "lib" / "vconsole" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.touch()
    subprocess.run(
        (ROOT / "scripts" / "install.sh", "--uninstall"),
        env={"PATH": os.defpath, "PREFIX": str(tmp_path)},
        check=True,
        capture_output=True,
    )
    assert not program.exists()


def test_the_help_of_make_fits_a_small_terminal() -> None:
    done = subprocess.run(("make", "help"), cwd=ROOT, capture_output=True, text=True, check=True)
    assert [line for line in done.stdout.splitlines() if len(line) > 80] == []


def test_no_script_needs_pip_of_the_system() -> None:
    """Debian has it apart; the environment that is made has its own."""
    scripts = sorted((ROOT / "scripts").glob("*.sh"))
    assert [script.name for script in scripts if '"$python" -m pip' in script.read_text()] == []


# -- units -----------------------------------------------------------------------------------

UNITS = sorted((PACKAGING / "systemd").glob("*.service"))


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_systemd_has_nothing_to_say_against_a_unit(unit: Path, tmp_path: Path) -> None:
    copied = tmp_path / unit.name
    copied.write_text(
        unit.read_text("utf-8").replace("/usr/bin/vconsole", str(shutil.which("true")))
    )
    said = complaints("systemd-analyze", "verify", "--man=no", copied)
    assert [line for line in said if unit.name in line] == []


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_a_unit_starts_a_daemon_that_there_is(unit: Path) -> None:
    text = unit.read_text("utf-8")
    (word,) = re.findall(r"^ExecStart=/usr/bin/vconsole (\w+) --no-daemonize", text, re.M)
    assert word in DAEMONS
    assert f"man:vconsole-{word}(8)" in text
    (aliases,) = re.findall(r"^Alias=(.*)$", text, re.M)
    assert set(aliases.split()).isdisjoint(re.findall(r"^Conflicts=(.*)$", text, re.M))


# -- grammars --------------------------------------------------------------------------------


@contextmanager
def _pool() -> Iterator[ActionPool]:
    made = ActionPool(1)
    yield made
    made.stop()


def grammar(name: str) -> etree.DTD:
    with (METRICS / name).open("rb") as file:
        return etree.DTD(file)


@pytest.mark.parametrize("name", PROFILES)
def test_our_configurations_are_valid_by_the_grammar_beside_them(name: str) -> None:
    dtd = grammar("vhostmd.dtd")
    assert dtd.validate(etree.fromstring(profile(name))), dtd.error_log


@pytest.mark.parametrize("name", PROFILES)
async def test_what_the_daemon_writes_is_valid_by_the_grammar_beside_its_configuration(
    name: str,
) -> None:
    with _pool() as pool:
        found = await Collector(parse(profile(name)), None, pool).collect(SAMPLE)
    dtd = grammar("metric.dtd")
    assert len(found.everything) > 2
    assert dtd.validate(etree.fromstring(render(found.everything))), dtd.error_log


# -- manual ----------------------------------------------------------------------------------

PAGES = sorted((PACKAGING / "man").glob("*.[158]"))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_a_page_of_the_manual_is_without_faults(page: Path) -> None:
    assert complaints("groff", "-man", "-Tutf8", "-ww", "-z", page) == []


def test_the_manual_has_every_command() -> None:
    text = (PACKAGING / "man" / "vconsole.1").read_text("utf-8").replace("\\-", "-")
    for word in (*SUBCOMMANDS, *DAEMONS):
        assert re.search(rf"^\\fB{word}[ \\]", text, re.M), word


@pytest.mark.parametrize("script", sorted((ROOT / "scripts").glob("*.sh")), ids=lambda p: p.name)
def test_a_script_is_one_that_bash_reads(script: Path) -> None:
    subprocess.run(["bash", "-n", script], check=True)
