"""Which tests are near a change."""

from __future__ import annotations

import grimp
import pytest

from scripts import quick


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("vconsole", "tests", cache_dir=None)


def test_those_are_near_that_import_it_and_the_nearest_come_first(graph: grimp.ImportGraph) -> None:
    near = quick.tests_near(["vconsole.features.network.model.mac"], graph)
    assert near[0] == "tests.unit.test_mac"
    assert "tests.unit.test_hostinfo_rules" not in near


def test_a_test_is_near_itself(graph: grimp.ImportGraph) -> None:
    assert quick.tests_near(["tests.unit.test_mac", "gone"], graph)[0] == "tests.unit.test_mac"


def test_a_manifest_is_read_by_the_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"diff": ["vconsole/features/agent/manifest.py", "README.md"], "ls-files": []}
    monkeypatch.setattr(quick, "git", lambda *words: said[words[0]])
    assert quick.changed("main") == {"vconsole.features.agent.manifest", "vconsole.registry"}


def test_a_package_is_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"diff": [], "ls-files": ["vconsole/features/agent/__init__.py"]}
    monkeypatch.setattr(quick, "git", lambda *words: said[words[0]])
    assert quick.changed("main") == {"vconsole.features.agent"}
