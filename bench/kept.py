"""What one run of ``make bench`` has measured: tables that ``make performance`` writes out."""

from pathlib import Path

RESULTS = Path(__file__).with_name("results")
MISSED = "**missed**"


def keep(name: str, text: str) -> None:
    """Print a table, and keep it under a name."""
    print(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text.strip() + "\n")
