"""Writes docs/performance.md from what one run of ``make bench`` has kept.

    python -m bench.document

Only what stands between ``<!-- bench: NAME -->`` and ``<!-- end -->`` is replaced.
"""

import re
import sys
from pathlib import Path

from bench.kept import RESULTS

PAGE = Path(__file__).parent.parent / "docs/performance.md"
_BLOCK = re.compile(r"(<!-- bench: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(page: str, tables: dict[str, str]) -> str:
    """Return the page with these tables in their places.

    Raises:
        KeyError: A table is wanted that was not measured.
    """
    return _BLOCK.sub(lambda place: f"{place[1]}\n{tables[place[2]]}\n{place[3]}", page)


def main() -> int:
    """Write the page; 1 where a table is missing."""
    tables = {path.stem: path.read_text() for path in RESULTS.glob("*.md")}
    try:
        page = filled(PAGE.read_text(), tables)
    except KeyError as error:
        print(f"bench.document: {error.args[0]} was not measured: run `make bench`")
        return 1
    PAGE.write_text(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
