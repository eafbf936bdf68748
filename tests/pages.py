"""Every page of the console, found by looking."""

from __future__ import annotations

import importlib
import pkgutil

import vconsole.screens
from vconsole.screens.base import Page


def all_pages() -> dict[str, type[Page]]:
    """Scope -> page."""
    for module in pkgutil.iter_modules(vconsole.screens.__path__):
        importlib.import_module(f"vconsole.screens.{module.name}")
    return {page.SCOPE: page for page in Page.__subclasses__() if page.__module__.startswith("vc")}
