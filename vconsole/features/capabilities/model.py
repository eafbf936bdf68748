"""What is asked of the host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class ReadCapabilities:
    """Read the capabilities; answers their XML."""

    deadline_s: ClassVar[float] = 15.0
