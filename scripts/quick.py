"""Runs the unit tests that import what was changed since main, the nearest first, for a while.

    python -m scripts.quick [BASE]

BASE is a commit, usually where the branch left main. What lies further from the change is for
``make test``, screens too.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from time import monotonic

import grimp
import pytest

LIMIT_S = 45.0
"""What is begun by then ends; with the checks before it that is a minute."""
NEAR = 2
"""A test is near that imports what imports what was changed."""


def git(*words: str) -> list[str]:
    """The lines that git answers."""
    done = subprocess.run(["git", *words], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def changed(base: str) -> set[str]:
    """The modules that are not as they were; a manifest is read by the registry."""
    files = {*git("diff", "--name-only", base), *git("ls-files", "-o", "--exclude-standard")}
    paths = [Path(file) for file in files if file.endswith(".py")]
    names = {".".join(p.with_suffix("").parts).removesuffix(".__init__") for p in paths}
    manifests = {name for name in names if name.endswith((".manifest", ".features"))}
    return names | ({"vconsole.registry"} if manifests else set())


def tests_near(modules: Iterable[str], graph: grimp.ImportGraph) -> list[str]:
    """The unit tests that import them, those first that do so directly."""
    front = {module for module in modules if module in graph.modules}
    seen = dict.fromkeys(sorted(front))
    for _ in range(NEAR):
        front = {one for name in front for one in graph.find_modules_that_directly_import(name)}
        seen |= dict.fromkeys(sorted(front))
    return [name for name in seen if name.startswith("tests.unit.test_")]


class Limit:
    """Ends a run of tests after a while."""

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Begin to count."""
        self._session, self._end = session, monotonic() + LIMIT_S

    def pytest_runtest_logfinish(self) -> None:
        """Stop behind a test that ended too late."""
        if monotonic() > self._end:
            self._session.shouldstop = f"{LIMIT_S:.0f} s are over: make test runs the rest"


def main(words: list[str]) -> int:
    """Answer pytest's exit code; 0 where there is nothing to run."""
    base = words[0] if words else git("merge-base", "HEAD", "main")[0]
    graph = grimp.build_graph("vconsole", "tests", cache_dir=None)
    chosen = tests_near(changed(base), graph)
    print(f"{len(chosen)} files of unit tests are near what was changed since {base[:12]}")
    files = [f"{name.replace('.', '/')}.py" for name in chosen]
    code = pytest.main(["-q", "-x", *files], plugins=[Limit()]) if files else 0
    return 0 if code == pytest.ExitCode.INTERRUPTED else int(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
