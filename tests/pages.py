"""Every page of the console, found by looking."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import vconsole.screens
from vconsole.screens.page import Page


def all_pages() -> dict[str, type[Page]]:
    """Scope -> page."""
    for module in pkgutil.walk_packages(vconsole.screens.__path__, "vconsole.screens."):
        importlib.import_module(module.name)
    return {
        page.SCOPE: page
        for page in _below(Page)
        if page.__module__.startswith("vconsole") and hasattr(page, "SCOPE")
    }


def _below(page: type[Page]) -> Iterator[type[Page]]:
    for sub in page.__subclasses__():
        yield sub
        yield from _below(sub)
