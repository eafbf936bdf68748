"""Errors as libvirt raises them, with codes of a test."""

from __future__ import annotations

from typing import Any

import pytest

libvirt = pytest.importorskip("libvirt")


def failure(code: int, message: str = "it fails") -> Exception:
    """An error that comes with a code of libvirt."""
    error: Any = libvirt.libvirtError(message)
    error.err = (code, 0, message, 2, "", None, None, 0, 0)
    raised: Exception = error
    return raised
