"""Modules that others import and seldom use: something stands for them until it is used.

Python's own modules and Textual import much for a function that is called in few programs. What is
not imported costs no time at the start, and no memory after it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from threading import get_ident
from types import ModuleType
from typing import Any


@contextmanager
def unused(*names: str) -> Iterator[None]:
    """Have what is imported meanwhile keep a stand-in for these modules, if they are not there."""
    modules = sys.modules
    stand_ins = {name: _Unused(name) for name in names if name not in modules}
    modules |= stand_ins
    try:
        yield
    finally:
        for name, stand_in in stand_ins.items():
            if modules.get(name) is stand_in:
                del modules[name]


def _real(name: str) -> ModuleType:
    if isinstance(sys.modules.get(name), _Unused):
        sys.modules.pop(name, None)
    return import_module(name)


class _Unused(ModuleType):
    """Stands for a module, for the thread that asked for that; others get what they ask for."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._thread = get_ident()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if get_ident() != self._thread:
            return getattr(_real(self.__name__), name)
        return _Later(self.__name__, name)


class _Later:
    """Stands for something of a module, which is imported when it is called or looked into."""

    def __init__(self, module: str, name: str) -> None:
        self._module, self._name = module, name

    def _itself(self) -> Any:
        return getattr(_real(self._module), self._name)

    def __call__(self, *args: Any, **named: Any) -> Any:
        return self._itself()(*args, **named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._itself(), name)

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[Any, ...]:
        """Nothing to derive from while it is stood for: what derives from it is not used either."""
        stood_for = isinstance(sys.modules.get(self._module), _Unused)
        return () if stood_for else (self._itself(),)

    def __instancecheck__(self, value: object) -> bool:
        """Nothing is an instance of what was never imported."""
        module = sys.modules.get(self._module)
        if module is None or isinstance(module, _Unused):
            return False
        return isinstance(value, getattr(module, self._name))
