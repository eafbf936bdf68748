"""Edits of a vhostmd.conf: what is edited changes, and every other byte stays.

    document = ConfigDocument(data)
    data = document.set_enabled(2, False)

An edit returns the new file, checked as the daemon would check it; for the next edit, read that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from vconsole.features.metrics.model.conf_text import (
    DISABLED,
    SETTINGS,
    ConfigError,
    Instruction,
    read_text,
)
from vconsole.features.metrics.model.config import disabled_in, parse
from vconsole.features.metrics.model.spec import MetricSpec
from vconsole.model.xml_edit import Document, XmlEditError, element, escape_text, escape_value
from vconsole.model.xml_tree import Element

_PI_END: Final = "?>"
_Edit = Callable[[Document], str]


class ConfigDocument:
    """A file that was read.

    Attributes:
        config: What it says; metrics are numbered as in `config.metrics`.

    Raises:
        ConfigError: It is no valid configuration.
    """

    def __init__(self, data: bytes) -> None:
        self.config = parse(data)
        self._source = read_text(data)
        self._document = Document(self._source.body)
        metrics = self._document.find("metrics")
        assert metrics is not None  # parsed
        self._parent: Element = metrics
        places: list[Element | Instruction] = [*metrics.children]
        places += disabled_in(self._source, metrics)
        self._places = sorted(places, key=lambda place: place.start)

    def add(self, spec: MetricSpec) -> bytes:
        """The file with another metric, as the last one.

        Raises:
            ConfigError: It is no valid metric.
        """
        return self._checked(lambda: self._document.insert(self._parent, _xml(spec)))

    def replace(self, number: int, spec: MetricSpec) -> bytes:
        """The file with a metric changed; of its element only what differs.

        Raises:
            ConfigError: It is no valid metric.
        """
        place, old = self._places[number], self.config.metrics[number]
        start, end = _span(place)
        body = self._source.body
        return self._checked(
            lambda: body[:start] + _changed(body[start:end], old, spec) + body[end:]
        )

    def remove(self, number: int) -> bytes:
        """The file without a metric."""
        place = self._places[number]
        if isinstance(place, Instruction):
            return self._splice(place.start, place.end, "")
        return self._checked(lambda: self._document.remove(place))

    def set_enabled(self, number: int, enabled: bool) -> bytes:
        """The file with a metric switched on or off.

        Raises:
            ConfigError: Its text cannot stand in a processing instruction.
        """
        place = self._places[number]
        if isinstance(place, Instruction) == (not enabled):
            return self._source.encode(self._source.text)
        start, end = _span(place)
        text = self._source.body[start:end]
        if enabled:
            return self._splice(place.start, place.end, text.rstrip())
        if _PI_END in text:
            raise ConfigError(place.line, "metric", f"holds {_PI_END} and cannot be switched off")
        return self._splice(start, end, f"<?{DISABLED} {text}{_PI_END}")

    def set_setting(self, name: str, value: str) -> bytes:
        """The file with another value of one of `Settings`, such as ``domain-disks``.

        Raises:
            ConfigError: There is no such setting, or the value is not valid.
        """
        wanted = f'{name}="{escape_value(value)}"'
        own = [i for i in self._source.instructions if i.target == SETTINGS]
        for found in own:
            before = found.data
            pairs = [p for p in before.split() if not p.startswith(f"{name}=")]
            if len(pairs) < len(before.split()):
                data = " ".join((*pairs, wanted))
                return self._splice(found.start, found.end, f"<?{SETTINGS} {data}{_PI_END}")
        start = self._document.root.start
        return self._splice(start, start, f"<?{SETTINGS} {wanted}{_PI_END}{self._line_start()}")

    def _line_start(self) -> str:
        """A line break, and the blanks that the document element stands behind."""
        text, start = self._source.text, self._document.root.start
        lead = text[text.rfind("\n", 0, start) + 1 : start]
        return ("\r\n" if "\r\n" in text else "\n") + ("" if lead.strip() else lead)

    def _splice(self, start: int, end: int, new: str) -> bytes:
        body = self._source.body
        return self._checked(lambda: body[:start] + new + body[end:])

    def _checked(self, edit: Callable[[], str]) -> bytes:
        """The edited file, its DOCTYPE as it was, once it is seen to be valid."""
        try:
            body = edit()
        except XmlEditError as error:
            raise ConfigError(0, "vhostmd", str(error)) from None
        data = self._source.encode(self._with_doctype(body))
        parse(data)
        return data

    def _with_doctype(self, body: str) -> str:
        """Everything in front of the document element comes from the file itself.

        Unless that is what was edited: then the DOCTYPE stands where it stood.
        """
        text, old = self._source.text, self._source.body
        place = next((i for i, c in enumerate(text) if c != old[i]), None)
        if place is None:
            return body
        end = max(i for i in range(place, self._document.root.start) if text[i] != old[i]) + 1
        if body[:end] != old[:end]:
            raise ConfigError(0, "vhostmd", "settings in front of the DOCTYPE are not edited")
        return text[:end] + body[end:]


def _span(place: Element | Instruction) -> tuple[int, int]:
    """Where the <metric> itself stands."""
    if isinstance(place, Instruction):
        return place.data_start, place.data_start + len(place.data)
    return place.start, place.end


def _changed(text: str, old: MetricSpec, new: MetricSpec) -> str:
    """The text of a <metric> changed from one specification to the other."""
    if new.variables != old.variables:
        return _xml(new)
    edits: list[_Edit] = []
    if new.type != old.type:
        edits.append(lambda d: d.set_attribute(d.root, "type", new.type))
    if new.context != old.context:
        edits.append(lambda d: d.set_attribute(d.root, "context", new.context))
    if new.unit != old.unit and new.unit:
        edits.append(lambda d: d.set_attribute(d.root, "unit", new.unit))
    if new.unit != old.unit and not new.unit:
        edits.append(lambda d: d.remove_attribute(d.root, "unit"))
    if new.name != old.name:
        edits.append(lambda d: d.set_text(_child(d, "name"), new.name))
    if new.action != old.action:
        edits.append(lambda d: d.set_text(_child(d, "action"), new.action))
    for edit in edits:
        text = edit(Document(text))
    return text


def _child(document: Document, tag: str) -> Element:
    found = document.find(tag)
    assert found is not None  # parsed
    return found


def _xml(spec: MetricSpec) -> str:
    """The element of a metric."""
    attributes = {"type": spec.type, "context": spec.context}
    if spec.unit:
        attributes["unit"] = spec.unit
    return element(
        "metric",
        attributes,
        element("name", {}, escape_text(spec.name)),
        element("action", {}, escape_text(spec.action)),
        *(element("variable", {"name": v.name, "type": v.type}) for v in spec.variables),
    )
