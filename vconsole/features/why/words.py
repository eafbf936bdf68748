"""What is said of who disturbs, on the page and by the command."""

from __future__ import annotations

from vconsole.features.why.model.rank import ThreadRates
from vconsole.model.words import row_label

NOBODY = "nothing disturbs it measurably"


RATES_TITLES = f"{'thread':<15} pCPU  busy %  waits %  taken off/s  moves/s"
"""Above the lines of `rates_line`: both fit 60 columns."""


def rates_line(rates: ThreadRates) -> str:
    """One thread in a line below `RATES_TITLES`; what the kernel does not say is ``-``."""
    return (
        f"{row_label(rates.key):<15} {rates.pcpu:>4} {_number(rates.cpu_percent):>7} "
        f"{_number(rates.wait_percent):>8} {_number(rates.switches):>12} "
        f"{_number(rates.moves):>8}"
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"
