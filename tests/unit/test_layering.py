"""What a part of the program may load: asked of a fresh interpreter, not of the source."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys

import pytest

import vconsole.model


def loaded_by(statement: str) -> set[str]:
    """The modules a fresh interpreter has after a statement."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


INTERFACE = {"textual", "rich", "vconsole.console.app", "vconsole.screens", "vconsole.widgets"}
MACHINE = {"libvirt", "psutil"}
MODEL = sorted(module.name for module in pkgutil.iter_modules(vconsole.model.__path__))


def test_the_model_needs_the_standard_library_only() -> None:
    found = loaded_by("\n".join(f"import vconsole.model.{name}" for name in MODEL))
    ours = {name for name in found if name.startswith("vconsole.")}
    assert ours <= {"vconsole.model", *(f"vconsole.model.{name}" for name in MODEL)}
    assert not found & (INTERFACE | MACHINE | {"humanize"})


def test_the_command_line_does_without_the_interface() -> None:
    assert not loaded_by("import vconsole.cli.main") & (INTERFACE - {"rich"})


@pytest.mark.parametrize(
    "module", ["vconsole.host.poller", "vconsole.host.source", "vconsole.text"]
)
def test_the_adapter_does_without_the_interface(module: str) -> None:
    assert not loaded_by(f"import {module}") & (INTERFACE - {"rich"})


def test_the_first_frame_does_without_the_machine() -> None:
    """libvirt and psutil are loaded in the poller's thread, humanize with the first size."""
    assert not loaded_by("import vconsole.console.app") & (MACHINE | {"humanize"})
    assert not loaded_by("import vconsole.console.start") & (MACHINE | {"humanize"})


def test_pages_are_loaded_when_they_are_opened() -> None:
    found = {name for name in loaded_by("import vconsole.console.app") if ".screens." in name}
    assert found == {
        "vconsole.screens.page",
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
