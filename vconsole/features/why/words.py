"""What is said of who disturbs, on the page and by the command."""

from __future__ import annotations

from vconsole.features.why.model.rank import ThreadRates
from vconsole.model.words import row_label

NOBODY = "nothing disturbs it measurably"


def rates_line(rates: ThreadRates) -> str:
    """One thread in a line; what the kernel does not say is ``-``."""
    return (
        f"{row_label(rates.key):<11} pCPU {rates.pcpu:<4} {rates.cpu_percent:4.0f} % busy  "
        f"{_number(rates.wait_percent):>4} % waits  {_number(rates.switches):>6} taken off/s  "
        f"{_number(rates.moves):>5} moves/s"
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"
