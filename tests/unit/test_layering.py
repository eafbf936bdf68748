"""What a part of the program may load: asked of a fresh interpreter, not of the source."""

from __future__ import annotations

import json
import pkgutil
import re
import subprocess
import sys

import pytest

import vconsole


def loaded_by(statement: str) -> set[str]:
    """The modules a fresh interpreter has after a statement."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


INTERFACE = {"textual", "rich", "vconsole.console.app", "vconsole.screens", "vconsole.widgets"}
MACHINE = {"libvirt", "psutil"}
OURS = [module.name for module in pkgutil.walk_packages(vconsole.__path__, "vconsole.")]
MODEL = [name for name in OURS if re.match(r"vconsole\.(features\.\w+\.)?model(\.|$)", name)]
WITHOUT = {name.partition(".")[0] for name in loaded_by("")} | sys.stdlib_module_names
"""What an interpreter has at its start, and the standard library."""


def foreign(found: set[str]) -> set[str]:
    """What is neither ours nor Python's."""
    return {name.partition(".")[0] for name in found} - WITHOUT - {"vconsole"}


def test_the_models_need_the_standard_library_only() -> None:
    assert "vconsole.features.network.model.mac" in MODEL
    found = loaded_by("\n".join(f"import {name}" for name in MODEL))
    ours = {name for name in found if name.startswith("vconsole.")}
    rooms = {name.removesuffix(".model") for name in MODEL if name.endswith(".model")}
    assert ours <= {"vconsole.features", *rooms, *MODEL}
    assert not foreign(found)


def test_manifests_need_the_models_only() -> None:
    found = loaded_by("import vconsole.registry")
    ours = {name for name in found if name.startswith("vconsole.")}
    manifests = {name for name in OURS if name.endswith(".manifest")}
    rooms = {name.removesuffix(".manifest") for name in manifests}
    assert ours <= {"vconsole.registry", "vconsole.features", *rooms, *manifests, *MODEL}
    assert not foreign(found)


@pytest.mark.parametrize(
    "module",
    [
        "vconsole.cli.main",
        "vconsole.host.poller",
        "vconsole.host.source",
        "vconsole.text",
        "vconsole.features.hostinfo.daemon.service",
        "vconsole.features.metrics.daemon.service",
    ],
)
def test_what_has_no_screen_does_without_the_interface(module: str) -> None:
    assert not loaded_by(f"import {module}") & INTERFACE


def test_the_first_frame_does_without_the_machine() -> None:
    """libvirt and psutil are loaded in the poller's thread, humanize with the first size."""
    assert not loaded_by("import vconsole.console.app") & (MACHINE | {"humanize"})
    assert not loaded_by("import vconsole.console.start") & (MACHINE | {"humanize"})


def test_pages_are_loaded_when_they_are_opened() -> None:
    found = {name for name in loaded_by("import vconsole.console.app") if ".screens." in name}
    assert found == {
        "vconsole.screens.page",
        "vconsole.screens.list_page",
        "vconsole.screens.messages",
        "vconsole.screens.domains",
        "vconsole.screens.domains.domains",
    }


def test_help_and_version_load_nothing_heavy() -> None:
    for argument in ("--help", "--version"):
        statement = (
            f"import sys\nsys.argv[1:] = [{argument!r}]\n"
            "from vconsole.__main__ import main\ntry:\n main()\nexcept SystemExit: pass"
        )
        assert not loaded_by(statement) & (INTERFACE | MACHINE | {"humanize"})


def test_arguments_are_read_without_what_packs_files() -> None:
    """argparse asks shutil how wide the terminal is, for each argument that it is told of."""
    statement = "from vconsole.cli.console import console_parser\nconsole_parser().parse_args([])"
    assert not loaded_by(statement) & {"shutil", "lzma", "bz2"}
