"""What widgets have in common that are drawn line by line."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from rich.style import Style
from textual.widget import Widget


class Styled(Widget):
    """Looks its component classes up once, until the theme changes."""

    STYLES: ClassVar[str]
    """What its component classes begin with: ``table`` of ``table--dim``."""

    @cached_property
    def _styles(self) -> dict[tuple[str, bool], Style]:
        return {}

    def notify_style_update(self) -> None:
        """Another theme."""
        super().notify_style_update()
        self._styles.clear()

    def _style(self, name: str, cursor: bool = False) -> Style:
        """The style of a component, its own where it has no name; as it is under the cursor."""
        style = self._styles.get((name, cursor))
        if style is None:
            style = self.rich_style
            if name:
                style = self.get_component_rich_style(f"{self.STYLES}--{name}")
            if cursor:
                look = self.get_component_rich_style(f"{self.STYLES}--cursor")
                style = Style(color=style.color) + Style(
                    bgcolor=look.bgcolor, bold=look.bold, reverse=look.reverse
                )
            self._styles[name, cursor] = style
        return style
