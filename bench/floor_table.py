"""Floor: a bare Textual DataTable. ``python -m bench.floor_table ROWS [SECONDS]``."""

import sys

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.widgets import DataTable

from bench.rows import COLUMNS, CPU_COLUMN, changed_rows, cpu_text, row


class FloorTable(App[None]):
    """Rows in a table; every `interval` seconds one cell of one row in ten changes."""

    BINDINGS = [Binding("q", "quit", "Quit")]
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, rows: int, interval: float) -> None:
        super().__init__()
        self._rows, self._interval, self._tick = rows, interval, 0

    def compose(self) -> ComposeResult:
        """Build the table and nothing else."""
        yield DataTable[Text](cursor_type="row")

    def on_mount(self) -> None:
        """Fill it."""
        table = self.query_one(DataTable)
        for number, (heading, width) in enumerate(COLUMNS):
            table.add_column(heading, width=width, key=str(number))
        for number in range(self._rows):
            table.add_row(*map(Text, row(number + 1)), key=str(number))
        if self._interval:
            self.set_interval(self._interval, self._refresh_cells)

    def _refresh_cells(self) -> None:
        self._tick += 1
        table = self.query_one(DataTable)
        for number in changed_rows(self._rows, self._tick):
            text = Text(cpu_text(number + 1, self._tick))
            table.update_cell(str(number), str(CPU_COLUMN), text)


if __name__ == "__main__":
    FloorTable(int(sys.argv[1]), float((*sys.argv[2:], "0")[0])).run()
