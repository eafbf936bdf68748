"""Reads vhostmd.conf.

Every file that vhostmd takes is taken, whether written for release 1.2 or later; the order of
elements does not matter, nor whether a DTD is at hand. `stock_dtd` says what vhostmd would refuse.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, cast

from vconsole.features.metrics.model import builtin, tokens
from vconsole.features.metrics.model.conf_text import (
    DISABLED,
    SETTINGS,
    ConfigError,
    ConfText,
    Instruction,
    read_text,
)
from vconsole.features.metrics.model.disk import MAX_BYTES, whole_blocks
from vconsole.features.metrics.model.metric import TYPES
from vconsole.features.metrics.model.spec import (
    BUILTIN,
    DEFAULT_PATH,
    METRIC_TYPES,
    TRANSPORTS,
    Context,
    MetricSpec,
    Settings,
    Variable,
    VhostmdConfig,
    Virtio,
)
from vconsole.model.xml_tree import Element, XmlEditError, read

PROFILES: Final = ("default", "sap")
MIN_DISK_BYTES: Final = 1024
MAX_PERIOD_S: Final = 86_400
_UNITS: Final = {"k": 1 << 10, "m": 1 << 20}
_NUMBER: Final = re.compile(r"\s*([+-]?[0-9]{1,18})")
_SETTING: Final = re.compile(r"""\s*([a-z-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")


def profile(name: str) -> bytes:
    """A configuration of our own: one of `PROFILES`."""
    return (Path(__file__).with_name("profiles") / f"{name}.conf").read_bytes()


def parse(data: bytes) -> VhostmdConfig:
    """Read a configuration.

    Raises:
        ConfigError: It cannot be used; line, element and reason are those of the first fault.
    """
    return _Reader(read_text(data)).read()


class _Reader:
    """One pass over a file; gathers warnings on the way."""

    def __init__(self, source: ConfText) -> None:
        self._source = source
        self._warnings: list[str] = []

    def read(self) -> VhostmdConfig:
        root = self._source.root
        if root.tag != "vhostmd":
            raise _fault(root, "the document element must be <vhostmd>")
        _known(root, "globals", "metrics")
        globals_, disk = _child(root, "globals"), _child(root, "globals", "disk")
        _known(globals_, "disk", "virtio", "update_period", "path", "transport")
        _known(disk, "name", "path", "size")
        period_s = self._period(_child(globals_, "update_period"))
        return VhostmdConfig(
            period_s,
            _text(_maybe(disk, "path")) or DEFAULT_PATH,
            self._disk_bytes(_child(disk, "size")),
            _text(_maybe(globals_, "path")) or None,
            self._transports(globals_),
            self._virtio(globals_, period_s),
            self._metrics(_child(root, "metrics")),
            self._settings(),
            tuple(self._warnings),
        )

    def _warn(self, line: int, element: str, message: str) -> None:
        self._warnings.append(f"line {line}: <{element}>: {message}")

    def _period(self, node: Element) -> int:
        seconds = _number(node)
        if not 1 <= seconds <= MAX_PERIOD_S:
            raise _fault(node, f"{seconds} is not between 1 and {MAX_PERIOD_S} seconds")
        return seconds

    def _disk_bytes(self, node: Element) -> int:
        unit = node.get("unit")
        factor = _UNITS.get((unit or "")[:1].lower())
        if factor is None:
            raise _fault(node, "needs the attribute unit, k or M")
        size = _number(node) * factor
        if not MIN_DISK_BYTES <= size <= MAX_BYTES:
            raise _fault(node, f"{size} bytes are not between {MIN_DISK_BYTES} and {MAX_BYTES}")
        if size != whole_blocks(size):
            made = whole_blocks(size) >> 10
            self._warn(
                node.line, node.tag, f"readers need blocks of 64 KiB: the disk has {made} KiB"
            )
        return size

    def _transports(self, globals_: Element) -> tuple[str, ...]:
        found: list[str] = []
        for node in globals_.findall("transport"):
            text = _text(node).lower()
            known = [name for name in TRANSPORTS if text.startswith(name)]
            found += known
            if not known:
                self._warn(node.line, node.tag, f"{text[:40]!r} is none of {', '.join(TRANSPORTS)}")
        return tuple(dict.fromkeys(found)) or ("vbd",)

    def _virtio(self, globals_: Element, period_s: int) -> Virtio:
        node = next(iter(globals_.findall("virtio")), None)
        if node is None:
            return Virtio(expiration_s=max(15, 3 * period_s))
        _known(node, "channel_path", "max_channels", "expiration_time")
        wanted = _maybe(node, "expiration_time")
        expiration_s = _number_or(wanted, 15)
        if wanted and expiration_s < 3 * period_s:
            self._warn(wanted.line, wanted.tag, f"{3 * period_s} s are used, three update periods")
        return Virtio(
            _text(_maybe(node, "channel_path")) or None,
            max(0, _number_or(_maybe(node, "max_channels"), 1024)),
            max(expiration_s, 3 * period_s),
        )

    def _metrics(self, parent: Element) -> tuple[MetricSpec, ...]:
        _known(parent, "metric")
        found = [(node.start, metric_spec(node)) for node in parent.children]
        found += [(i.start, disabled_spec(i)) for i in disabled_in(self._source, parent)]
        specs = [spec for _, spec in sorted(found, key=lambda pair: pair[0])]
        seen: set[tuple[str, str]] = set()
        for spec in specs:
            if spec.enabled:
                self._look_at(spec, seen)
        return tuple(specs)

    def _look_at(self, spec: MetricSpec, seen: set[tuple[str, str]]) -> None:
        names = [v.name for v in spec.variables] if spec.type == "group" else [spec.name]
        if not names:
            self._warn(spec.line, "metric", f"{spec.name}: a group without variables says nothing")
        for name in names:
            if spec.type != "xml" and (name, spec.context) in seen:
                self._warn(spec.line, "metric", f"{name} is there twice: readers find neither")
            seen.add((name, spec.context))
        if spec.builtin is None:
            for message in tokens.warnings(spec.action, spec.context):
                self._warn(spec.line, "action", f"{spec.name}: {message}")

    def _settings(self) -> Settings:
        given: dict[str, tuple[int, str]] = {}
        for instruction in self._source.instructions:
            if instruction.target == SETTINGS:
                given |= {k: (instruction.line, v) for k, v in _pairs(instruction).items()}
        return _settings(given)


def metric_spec(node: Element) -> MetricSpec:
    """A <metric> element.

    Raises:
        ConfigError: It says what no metric can be.
    """
    _known(node, "name", "action", "variable")
    kind, context = node.get("type") or "", node.get("context") or ""
    if kind not in METRIC_TYPES:
        raise _fault(node, f"type {kind[:40]!r} is none of {', '.join(METRIC_TYPES)}")
    if context not in ("host", "vm"):
        raise _fault(node, f"context {context[:40]!r} is neither host nor vm")
    name, action = _text(_child(node, "name")), _child(node, "action")
    for child, text in ((_child(node, "name"), name), (action, action.text.strip())):
        if not text:
            raise _fault(child, "is empty")
    variables = tuple(_variable(child) for child in node.findall("variable"))
    unit = node.get("unit") or ""
    spec = MetricSpec(name, kind, cast(Context, context), action.text, unit, variables, node.line)
    if spec.builtin is not None and spec.builtin not in builtin.NAMES[spec.context]:
        known = ", ".join(builtin.NAMES[spec.context])
        raise _fault(action, f"no built-in {spec.builtin[:40]!r}; in context {context} are {known}")
    if spec.builtin is None and spec.action.strip().lower().startswith(BUILTIN):
        raise _fault(action, f"a shell would be asked for it: is it {BUILTIN}NAME?")
    return spec


def _variable(node: Element) -> Variable:
    name, kind = node.get("name") or "", node.get("type") or ""
    if not name.strip():
        raise _fault(node, "needs the attribute name")
    if kind not in TYPES:
        raise _fault(node, f"type {kind[:40]!r} is none of {', '.join(TYPES)}")
    return Variable(name, kind)


def disabled_in(source: ConfText, parent: Element) -> Iterable[Instruction]:
    """The metrics within <metrics> that are switched off."""
    for found in source.instructions:
        within = parent.inside <= found.start < parent.close
        if found.target == DISABLED and within:
            yield found


def disabled_spec(instruction: Instruction) -> MetricSpec:
    """A metric that is switched off.

    Raises:
        ConfigError: It would be no metric if it were switched on.
    """
    try:
        node = read(instruction.data)
    except XmlEditError as error:
        raise ConfigError(instruction.line, DISABLED, str(error)) from None
    if node.tag != "metric":
        raise ConfigError(instruction.line, DISABLED, "holds no <metric>")
    return replace(metric_spec(node), line=instruction.line, enabled=False)


def _pairs(instruction: Instruction) -> dict[str, str]:
    found = {m[1]: m[2] if m[3] is None else m[3] for m in _SETTING.finditer(instruction.data)}
    if not found or _SETTING.sub("", instruction.data).strip():
        raise ConfigError(instruction.line, f"?{SETTINGS}?", 'is not written as name="value"')
    return found


def _settings(given: Mapping[str, tuple[int, str]]) -> Settings:
    values: dict[str, Any] = {}
    for key, (line, text) in given.items():
        default = getattr(Settings(), key.replace("-", "_"), None)
        if default is None:
            raise ConfigError(line, f"?{SETTINGS}?", f"there is no setting {key!r}")
        try:
            values[key.replace("-", "_")] = _setting(text, default)
        except ValueError as error:
            raise ConfigError(line, f"?{SETTINGS}?", f"{key}: {error}") from None
    return Settings(**values)


def _setting(text: str, default: bool | int | float) -> bool | int | float:
    if isinstance(default, bool):
        if text not in ("yes", "no"):
            raise ValueError(f"{text[:40]!r} is neither yes nor no")
        return text == "yes"
    number = type(default)(text)
    if not 0 < number <= MAX_PERIOD_S:
        raise ValueError(f"{text[:40]!r} is out of range")
    return number


def _child(node: Element, *path: str) -> Element:
    for tag in path:
        found = node.findall(tag)
        if len(found) != 1:
            raise _fault(node, f"needs one <{tag}>, has {len(found)}")
        node = found[0]
    return node


def _maybe(node: Element, tag: str) -> Element | None:
    return _child(node, tag) if node.find(tag) else None


def _known(node: Element, *tags: str) -> None:
    for child in node.children:
        if child.tag not in tags:
            raise _fault(child, f"is not known in <{node.tag}>; there may be {', '.join(tags)}")


def _text(node: Element | None) -> str:
    return node.text.strip() if node else ""


def _number_or(node: Element | None, default: int) -> int:
    return _number(node) if node and _text(node) else default


def _number(node: Element) -> int:
    """A number as strtol reads it: what follows the digits does not count."""
    found = _NUMBER.match(node.text)
    if not found:
        raise _fault(node, f"{_text(node)[:40]!r} is not a number")
    return int(found[1])


def _fault(node: Element, message: str) -> ConfigError:
    return ConfigError(node.line, node.tag, message)
