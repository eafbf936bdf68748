"""Frozen values with slots, as `dataclasses` has them, that cost little until they are made.

`dataclasses` writes and compiles six methods for each frozen class when it is imported, 0.8 ms of
processor time. The console starts with about a hundred such classes and makes values of a third of
them: that was a sixth of the time to its list. Here the methods that compare are shared, and the
one that makes a value is written when the first is made.

Fields, `replace`, `fields`, `asdict`, matching and types are those of `dataclasses`.
"""

from __future__ import annotations

from dataclasses import MISSING, FrozenInstanceError, fields
from dataclasses import dataclass as _dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass  # checkers know what it does
else:

    def dataclass(
        cls: Any = None, /, *, frozen: bool = False, slots: bool = False, **options: Any
    ) -> Any:
        """Decorate a class as `dataclasses.dataclass` does; quicker where frozen with slots."""

        def decorate(cls: Any) -> Any:
            if not (frozen and slots) or options.keys() - {"eq", "kw_only"}:
                return _dataclass(cls, frozen=frozen, slots=slots, **options)
            own, eq = frozenset(vars(cls)), options.pop("eq", True)
            plain = _dataclass(cls, init=False, repr=False, eq=False, slots=True, **options)
            return _frozen(plain, own, eq)

        return decorate if cls is None else decorate(cls)


def _frozen(cls: Any, own: frozenset[str], eq: bool) -> Any:
    """Give a class of slots the methods of a frozen value that it has not defined itself."""
    methods: dict[str, Any] = {
        "__init__": _first_init(cls),
        "__setattr__": _refuse,
        "__delattr__": _refuse,
        "__getstate__": _state,
        "__setstate__": _restore,
        "__repr__": _repr,
    }
    if eq:
        methods |= _comparing(cls)
    for name, method in methods.items():
        if name not in own:
            setattr(cls, name, method)
    return cls


def _first_init(cls: Any) -> Any:
    """What stands for ``__init__`` until the first value is made."""

    def first_init(self: Any, *args: Any, **named: Any) -> None:
        made = _init(cls)
        cls.__init__ = made
        made(self, *args, **named)

    return first_init


def _init(cls: Any) -> Any:
    """Write ``__init__``: each field is set through its slot, past what refuses to set."""
    names: dict[str, Any] = {"_default": MISSING}
    first: list[str] = []
    named: list[str] = []
    body: list[str] = []
    for field in fields(cls):
        name = field.name
        names[f"_set_{name}"] = getattr(cls, name).__set__
        value = name
        if field.default_factory is not MISSING:
            names[f"_make_{name}"] = field.default_factory
            made = f"_make_{name}()"
            value = f"{made} if {name} is _default else {name}" if field.init else made
        elif field.default is not MISSING:
            names[f"_default_{name}"] = field.default
            value = name if field.init else f"_default_{name}"
        if field.init:
            has = field.default is not MISSING
            default = f"=_default_{name}" if has else "=_default" if value != name else ""
            (named if field.kw_only else first).append(f"{name}{default}")
        if field.init or value != name:
            body.append(f" _set_{name}(self, {value})")
    if hasattr(cls, "__post_init__"):
        body.append(" self.__post_init__()")
    taken = ", ".join(["self", *first, *(["*", *named] if named else [])])
    made_here: dict[str, Any] = {}
    exec(f"def __init__({taken}):\n" + ("\n".join(body) or " pass"), names, made_here)
    init = made_here["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    init.__annotations__ = {f.name: f.type for f in fields(cls) if f.init} | {"return": None}
    return init


def _comparing(cls: Any) -> dict[str, Any]:
    """Equal are values of one class whose fields are."""
    compared = [f.name for f in fields(cls) if f.compare]
    hashed = [f.name for f in fields(cls) if (f.compare if f.hash is None else f.hash)]
    key, hash_key = _getter(compared), _getter(hashed)

    def equal(self: Any, other: object) -> Any:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return self is other or key(self) == key(other)

    def number(self: Any) -> int:
        return hash(hash_key(self))

    return {"__eq__": equal, "__hash__": number}


def _getter(names: list[str]) -> Any:
    if not names:
        return lambda value: ()
    got = attrgetter(*names)
    return got if len(names) > 1 else lambda value: (got(value),)


def _refuse(self: Any, name: str, *value: object) -> None:
    raise FrozenInstanceError(f"cannot {'assign to' if value else 'delete'} field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, field.name) for field in fields(self)]


def _restore(self: Any, state: list[Any]) -> None:
    for field, value in zip(fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)


def _repr(self: Any) -> str:
    shown = (f"{f.name}={getattr(self, f.name)!r}" for f in fields(self) if f.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"
