"""The walls of `pyproject.toml` hold: a forbidden import in each is seen, however deep it lies.

And nothing stands within them that only tests use.
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import grimp
import pytest

ROOT = Path(__file__).parents[2]


class Plant(NamedTuple):
    """An import that a wall forbids."""

    wall: str
    importer: str
    imported: str
    """A module; of what is not ours as the check names it."""
    under: str = "def _planted() -> None:"
    """Late, as one that somebody hopes will not be found."""

    @property
    def file(self) -> str:
        """Where it is planted."""
        return f"{self.importer.replace('.', '/')}.py"

    @property
    def text(self) -> str:
        """Its lines."""
        return f"\n\n{self.under}\n    import {self.imported}\n"


PLANTS = [
    Plant(*plant)
    for plant in (
        ("rooms in layers", "vconsole.model.cpuset", "vconsole.text"),
        ("rooms in layers", "vconsole.host.proc", "vconsole.files.places"),
        ("rooms in layers", "vconsole.changes.run", "vconsole.screens.page", "if TYPE_CHECKING:"),
        ("rooms in layers", "vconsole.features.network.model.mac", "vconsole.screens.help"),
        ("rooms in layers", "vconsole.registry", "vconsole.features.agent.words"),
        (
            "features know nothing of each other",
            "vconsole.features.network.model.mac",
            "vconsole.features.pins.model.plan",
        ),
        (
            "features know nothing of each other",
            "vconsole.features.agent.cli.channel",
            "vconsole.features.hostmemory.words",
        ),
        (
            "a feature in layers",
            "vconsole.features.metrics.model.tokens",
            "vconsole.features.metrics.daemon.cycle",
        ),
        (
            "a feature in layers",
            "vconsole.features.snapshots.manifest",
            "vconsole.features.snapshots.host.create",
        ),
        ("manifests import the model only", "vconsole.features.policy.manifest", "humanize"),
        ("manifests import the model only", "vconsole.features.agent.manifest", "vconsole.text"),
        ("model imports the standard library only", "vconsole.model.cpuset", "psutil"),
        ("model imports the standard library only", "vconsole.features.network.model.mac", "lxml"),
        ("only host reaches the machine", "vconsole.features.agent.words", "libvirt"),
        ("only host reaches the machine", "vconsole.features.metrics.daemon.cycle", "psutil"),
        ("only host reaches the machine", "vconsole.changes.activity", "libvirt_qemu"),
        ("screens never reach the host", "vconsole.screens.network.choice", "vconsole.host.proc"),
        (
            "screens never reach the host",
            "vconsole.screens.metrics.bytes",
            "vconsole.features.metrics.daemon.control",
        ),
        (
            "widgets know no feature",
            "vconsole.widgets.notes",
            "vconsole.features.hostinfo.daemon.daemon",
        ),
        ("widgets know no feature", "vconsole.widgets.prompt", "vconsole.files.places"),
        (
            "what has no screen does without textual and rich",
            "vconsole.features.hostinfo.daemon.status",
            "textual",
        ),
        ("what has no screen does without textual and rich", "vconsole.cli.report", "rich"),
        ("XML is read one way", "vconsole.features.network.model.places", "xml"),
        ("XML is read one way", "vconsole.features.metrics.words.rows", "lxml"),
        (
            "the guest's tool is one file",
            "vconsole.features.hostinfo.guest",
            "vconsole.features.hostinfo.model.protocol",
        ),
    )
]


CIRCLES = [
    Plant("no circles", "vconsole.screens.metrics.attach", "vconsole.screens.metrics.metrics"),
    Plant("no circles", "vconsole.model.cpuset", "vconsole.model.placement", "if TYPE_CHECKING:"),
]


@pytest.fixture(scope="module")
def refusals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the check says of a copy with everything planted: wall -> its lines."""
    copy = tmp_path_factory.mktemp("planted")
    shutil.copy(ROOT / "pyproject.toml", copy)
    shutil.copytree(ROOT / "vconsole", copy / "vconsole", ignore=shutil.ignore_patterns("*.pyc"))
    for plant in PLANTS + CIRCLES:
        with (copy / plant.file).open("a") as file:
            file.write(plant.text)
    (copy / "vconsole/loose.py").touch()  # a room that nobody has given a floor
    code = "from importlinter.cli import lint_imports_command as lint; lint(['--no-cache'])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=copy,
        capture_output=True,
        text=True,
        env={"COLUMNS": "999"},
    )
    assert done.returncode == 1, done.stdout + done.stderr
    _, _, broken = done.stdout.partition("Broken contracts\n")
    _, *others = re.split(r"\n([^\n]+)\n-{5,}\n", broken)
    assert others, done.stdout
    return dict(zip(others[::2], others[1::2], strict=True))


@pytest.mark.parametrize("plant", PLANTS, ids=lambda p: f"{p.importer}-{p.imported}")
def test_what_a_wall_forbids_is_refused(plant: Plant, refusals: dict[str, str]) -> None:
    arrow = rf"{re.escape(plant.importer)} -> {re.escape(plant.imported)}\b"
    assert re.search(arrow, refusals[plant.wall]), refusals[plant.wall]


@pytest.mark.parametrize("plant", CIRCLES, ids=lambda p: f"{p.importer}-{p.imported}")
def test_a_circle_is_refused(plant: Plant, refusals: dict[str, str]) -> None:
    room = plant.importer.rpartition(".")[0]
    assert f"No cycles are allowed in {room}.\n" in refusals[plant.wall]


def test_each_wall_is_tried() -> None:
    names = re.findall(r'^name = "(.*)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert {plant.wall for plant in PLANTS} | {"no circles"} == set(names) - {"vconsole"}


def test_a_room_has_a_floor(refusals: dict[str, str]) -> None:
    assert "vconsole.loose" in refusals["rooms in layers"]


# -- what a list of forbidden names cannot say ---------------------------------------------------

PURE = re.compile(r"vconsole\.(model|features\.\w+\.(model|guest))(\.|$)")


def outsiders(graph: grimp.ImportGraph) -> set[tuple[str, str]]:
    """What the pure modules import that is neither ours nor Python's."""
    return {
        (module, name)
        for module in graph.modules
        if PURE.match(module)
        for name in graph.find_modules_directly_imported_by(module)
        if name.partition(".")[0] not in (sys.stdlib_module_names | {"vconsole"})
    }


def test_pure_modules_need_python_only() -> None:
    graph = grimp.build_graph("vconsole", include_external_packages=True, cache_dir=None)
    assert outsiders(graph) == set()
    graph.add_module("pygments", is_squashed=True)
    graph.add_import(importer="vconsole.features.network.model.mac", imported="pygments")
    assert outsiders(graph) == {("vconsole.features.network.model.mac", "pygments")}


# -- a column is stated once ----------------------------------------------------------------------


def test_a_table_has_columns_that_make_their_cells() -> None:
    """A bare heading would leave the cells to another place, in an order of its own."""
    sources = (path for path in (ROOT / "vconsole").rglob("*.py") if path.stem != "column")
    assert [p.name for p in sources if re.search(r"\bHeading\(", p.read_text())] == []


# -- what only tests use -------------------------------------------------------------------------


def top_names(tree: ast.Module) -> Iterator[str]:
    """What a module defines, but for what is private to it."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name))


def test_what_only_tests_use_lives_in_tests() -> None:
    texts = {
        path: path.read_text()
        for room in ("vconsole", "scripts", "bench", "packaging", "pyproject.toml")
        for path in [ROOT / room, *(ROOT / room).rglob("*")]
        if path.suffix in (".py", ".toml", ".service", ".spec", ".sh")
    }
    words = Counter(word for text in texts.values() for word in re.findall(r"\w+", text))
    once = [
        f"{path.relative_to(ROOT)}: {name}"
        for path, text in texts.items()
        if path.is_relative_to(ROOT / "vconsole")
        for name in top_names(ast.parse(text))
        if words[name] == 1 and not name.startswith("__")
    ]
    assert once == []
