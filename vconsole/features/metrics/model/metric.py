"""One metric, its value as what its type says, and as a human reads it."""

from __future__ import annotations

import math
import re
import sys
from dataclasses import dataclass
from typing import Final

INTEGERS: Final = {
    "int32": (-(1 << 31), (1 << 31) - 1),
    "uint32": (0, (1 << 32) - 1),
    "int64": (-(1 << 63), (1 << 63) - 1),
    "uint64": (0, (1 << 64) - 1),
}
"""The whole-number types and their ranges."""
REALS: Final = {"real32": 3.4028234663852886e38, "real64": sys.float_info.max}
"""The floating-point types and the largest number of each."""
TYPES: Final = (*INTEGERS, *REALS, "string")

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,20}")
_REAL: Final = re.compile(
    r"[+-]?([0-9]{1,400}\.?[0-9]{0,400}|\.[0-9]{1,400})([eE][+-]?[0-9]{1,4})?"
)


class MetricTypeError(ValueError):
    """A value that its type does not allow; the message is one line and names the metric."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A name and a value, of the host or of one domain."""

    name: str
    value: str
    """As text, whatever the type."""
    type: str = "string"
    """One of `TYPES`, unless somebody else wrote it."""
    context: str = "host"
    """``host``, or ``vm`` for the metric of a domain."""
    unit: str | None = None
    domain_id: int | None = None
    uuid: str | None = None


def typed(metric: Metric) -> int | float | str:
    """The value as a Python value.

    Raises:
        MetricTypeError: It is not of its type, or out of its range, or the type is unknown.
    """
    kind = metric.type.lower()  # libmetrics does not tell cases apart
    if kind in INTEGERS:
        return _integer(metric, *INTEGERS[kind])
    if kind in REALS:
        return _real(metric, REALS[kind])
    if kind == "string":
        return metric.value
    raise MetricTypeError(f"{_short(metric.name)}: {_short(metric.type)} is no type of a metric")


def _integer(metric: Metric, low: int, high: int) -> int:
    if not _INTEGER.fullmatch(metric.value):
        raise _mismatch(metric)
    number = int(metric.value)
    if not low <= number <= high:
        raise _mismatch(metric, f" ({low} to {high})")
    return number


def _real(metric: Metric, largest: float) -> float:
    number = float(metric.value) if _REAL.fullmatch(metric.value) else math.nan
    if not abs(number) <= largest:  # true of nan
        raise _mismatch(metric)
    return number


def _mismatch(metric: Metric, limits: str = "") -> MetricTypeError:
    name, value = _short(metric.name), _short(metric.value)
    return MetricTypeError(f"{name}: {value!r} is no {_short(metric.type)}{limits}")


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"


def display(metric: Metric) -> str:
    """The value with digits in groups, and its unit; as it is written if it is not of its type.

    This is foreign text still.
    """
    try:
        value = typed(metric)
    except MetricTypeError:
        value = metric.value
    shown = value if isinstance(value, str) else _grouped(value)
    return f"{shown} {metric.unit}" if metric.unit else shown


def _grouped(number: int | float) -> str:
    if isinstance(number, int):
        return f"{number:,}"
    if number and not 1e-6 <= abs(number) < 1e15:
        return f"{number:g}"
    return f"{number:,.6f}".rstrip("0").rstrip(".")
