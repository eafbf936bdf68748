"""What is imported and not used is not loaded, and whoever uses it finds all of it."""

import sys
from pathlib import Path
from threading import Thread
from types import new_class
from typing import Any

import pytest

from tests.unit.test_layering import loaded_by
from vconsole.cli.unused import unused

SELDOM = "colours_of_spring"
SOURCE_CODE = {"ast", "_ast"} if sys.version_info < (3, 14) else set[str]()
"""What nobody needs until Python 3.14, whose annotations are made of it."""


@pytest.fixture
def seldom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module that tells when it is loaded."""
    (tmp_path / f"{SELDOM}.py").write_text(
        "class Green(int): pass\ndef shade(number): return Green(number)\nwords = ['light']\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, SELDOM, raising=False)
    return SELDOM


def importing(name: str) -> Any:
    """As another module does at its head."""
    return __import__(name)


def test_a_module_is_loaded_when_something_of_it_is_called(seldom: str) -> None:
    with unused(seldom):
        held = importing(seldom)
        shade, green = held.shade, held.Green
    assert seldom not in sys.modules
    assert not isinstance(3, green)  # nothing is an instance of what is not there
    assert shade(3) == 3
    assert seldom in sys.modules
    assert isinstance(shade(3), green)
    assert held.words.copy() == ["light"]


def test_what_is_used_at_once_takes_the_place_of_the_stand_in(seldom: str) -> None:
    with unused(seldom):
        held = importing(seldom)
        assert held.shade(4) == 4
        real = sys.modules[seldom]
        assert "words" in vars(real)
    assert sys.modules[seldom] is real


def test_another_thread_gets_the_module_itself(seldom: str) -> None:
    found: list[object] = []
    with unused(seldom):
        worker = Thread(target=lambda: found.append(importing(seldom).words))
        worker.start()
        worker.join()
    assert found == [["light"]]


def test_a_module_that_is_there_stays(seldom: str) -> None:
    real = importing(seldom)
    with unused(seldom):
        assert importing(seldom) is real
    assert sys.modules[seldom] is real


def test_a_class_may_derive_from_what_is_not_loaded(seldom: str) -> None:
    with unused(seldom):
        held = importing(seldom)

        leaf = new_class("Leaf", (held.Green,))
    fern = new_class("Fern", (held.Green,))
    assert leaf.__mro__ == (leaf, object)
    assert fern.__bases__ == (importing(seldom).Green,)


def test_the_program_starts_without_what_it_never_uses_and_both_work_when_they_are() -> None:
    assert not loaded_by("import vconsole.__main__") & ({"ipaddress"} | SOURCE_CODE)
    used = (
        "import vconsole.__main__, inspect, urllib.parse\n"
        "assert urllib.parse.urlsplit('http://[::1]/').hostname == '::1'\n"
        "assert str(inspect.signature(str.strip)) == '(self, chars=None, /)'"
    )
    assert loaded_by(used) >= {"ipaddress"}
