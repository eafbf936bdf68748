"""Whether somebody has a file open for writing, as the kernel tells by a lease on it.

Source: fcntl(2), F_SETLEASE. A read lease is granted only while nobody has the file open for
writing. It needs the file's owner or CAP_LEASE, and a file system that knows leases.
"""

from __future__ import annotations

import fcntl
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EAGAIN
from typing import Literal

Writer = Literal["none", "present", "unknown"]


@contextmanager
def leased(handle: int) -> Iterator[Writer]:
    """Hold a read lease for a moment; a writer who comes meanwhile waits for its end.

    Yields:
        ``none``: what is read now is not being written. ``present``: it is. ``unknown``: the
        kernel does not tell.
    """
    try:
        # The default signal of a broken lease, SIGIO, would end this process; SIGURG is ignored.
        fcntl.fcntl(handle, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        yield "present" if error.errno == EAGAIN else "unknown"
        return
    try:
        yield "none"
    finally:
        with suppress(OSError):
            fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_UNLCK)
