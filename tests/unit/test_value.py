"""Values of `model.value` are what `dataclasses` would have made of them."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from typing import Any, ClassVar

import pytest

from vconsole.model.value import dataclass


@dataclass(frozen=True, slots=True)
class Point:
    """All kinds of fields."""

    KIND: ClassVar[str] = "point"

    x: int
    y: int = 2
    tags: dict[str, int] = dataclasses.field(default_factory=dict)
    note: str = dataclasses.field(default="", compare=False, repr=False)
    twice: int = dataclasses.field(default=7, init=False)
    lost: bool = dataclasses.field(default=True, kw_only=True)


@dataclass(frozen=True, slots=True)
class Higher(Point):
    """A field more."""

    z: int = 3


@dataclass(frozen=True, slots=True)
class Flat:
    """All that is compared can be hashed."""

    x: int
    note: str = dataclasses.field(default="", compare=False)


@dataclass(frozen=True, slots=True, eq=False)
class Same:
    """Itself only."""

    x: int = 0


@dataclass(frozen=True, slots=True)
class Own:
    """Has methods of its own."""

    bits: int = 0

    def __post_init__(self) -> None:
        if self.bits < 0:
            raise ValueError("negative")

    def __repr__(self) -> str:
        return "own"

    def __hash__(self) -> int:
        return 5


@dataclass
class Plain:
    """Neither frozen nor with slots: made by `dataclasses`."""

    x: int = 0


def test_fields_are_filled_by_place_name_and_default() -> None:
    point = Point(1, tags={"a": 1}, lost=False)
    assert (point.x, point.y, point.tags, point.note) == (1, 2, {"a": 1}, "")
    assert (point.twice, point.lost, Point.KIND) == (7, False, "point")
    assert Point(1).tags is not Point(1).tags
    assert (Higher(1, 5, z=9).z, Higher(1).twice) == (9, 7)


@pytest.mark.parametrize(
    ("args", "named"), [((), {}), ((1, 2, {}, "", 5), {}), ((1,), {"w": 1}), ((1,), {"twice": 1})]
)
def test_what_does_not_fit_is_refused(args: tuple[Any, ...], named: dict[str, Any]) -> None:
    for _ in range(2):  # the first value is made otherwise than the second
        with pytest.raises(TypeError, match=r"__init__\(\)"):
            Point(*args, **named)


def test_nothing_is_set_or_deleted_later() -> None:
    point: Any = Point(1)
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'x'"):
        point.x = 2
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete field 'x'"):
        del point.x
    with pytest.raises(dataclasses.FrozenInstanceError):
        point.other = 1
    assert not hasattr(point, "__dict__")


def test_values_of_one_class_compare_by_their_fields() -> None:
    assert Point(1) == Point(1, note="not compared")
    assert Point(1) != Point(2)
    assert Point(1) != Higher(1)
    assert Same() != Same()
    assert hash(Own(1)) == hash(Own(2)) == 5
    assert len({Flat(1), Flat(1, note="not compared")}) == 1
    with pytest.raises(TypeError, match="unhashable"):
        hash(Point(1))


def test_they_print_as_they_are_made() -> None:
    printed = repr(Higher(1, note="hidden"))
    assert printed == "Higher(x=1, y=2, tags={}, twice=7, lost=True, z=3)"
    assert repr(Own()) == "own"


def test_the_tools_of_dataclasses_know_them() -> None:
    point = Point(1)
    assert dataclasses.is_dataclass(point)
    assert dataclasses.replace(point, y=8).y == 8
    assert dataclasses.asdict(Same(4)) == {"x": 4}
    assert [f.name for f in dataclasses.fields(Higher)][-1] == "z"
    match point:
        case Point(x, y):
            assert (x, y) == (1, 2)
    assert list(inspect.signature(Higher).parameters) == ["x", "y", "tags", "note", "z", "lost"]


@pytest.mark.parametrize(
    "remade", [copy.copy, copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))]
)
def test_copies_are_equal(remade: Any) -> None:
    point = Higher(1, tags={"a": 1}, note="kept")
    assert remade(point) == point
    assert remade(point).note == "kept"


def test_what_a_class_does_itself_it_does() -> None:
    with pytest.raises(ValueError, match="negative"):
        Own(-1)
    plain = Plain()
    plain.x = 3
    assert plain == Plain(3)
