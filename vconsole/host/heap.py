"""Memory that was let go of, back to the system."""

from __future__ import annotations


def give_back() -> None:
    """Return what the C library holds of freed memory, where it is glibc.

    Reading the configurations of a large host, and libvirt's opening of a large file, leave it
    several MiB that nothing will need again.
    """
    from ctypes import CDLL

    trim = getattr(CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
