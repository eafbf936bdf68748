"""`typing.override`, which Python has from 3.12 on.

That of typing_extensions would do as well: it takes 5 ms of each start and a third of a MiB.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import override as override  # checkers know what it does
else:

    def override(method):  # noqa: ANN001, ANN201
        """Mark a method that takes the place of one of a base class."""
        return method
