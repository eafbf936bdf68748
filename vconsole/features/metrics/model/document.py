"""The document on a metrics disk or a virtio channel: written, read, checked against its DTD."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from vconsole.features.metrics.model.metric import TYPES, Metric, MetricTypeError, display, typed
from vconsole.features.metrics.model.parser import NOT_AVAILABLE, Document, parse

__all__ = [
    "TYPES",
    "Document",
    "Metric",
    "MetricTypeError",
    "display",
    "parse",
    "render",
    "render_for_domain",
    "render_reply",
    "typed",
]

_START: Final = "<metrics>\n"
_END: Final = "</metrics>\n"
_MISSING: Final = {context: f"<!-- {text} -->" for context, text in NOT_AVAILABLE.items()}

_SPECIAL: Final = re.compile(r"[^\t\n -%'-;=?-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}
"""What else is special, XML cannot say at all: U+FFFD stands for it."""
_QUOTED: Final = str.maketrans({"'": "&apos;", "\n": "&#10;", "\t": "&#9;"})


def render(metrics: Iterable[Metric], compat_newline: bool = False) -> bytes:
    """The document, in the bytes that vhostmd writes for the same metrics.

    Args:
        metrics: In the order of the document.
        compat_newline: Keep the line feed that ends a value, as vhostmd does.
    """
    return (_START + _elements(metrics, compat_newline) + _END).encode()


def render_for_domain(metrics: Iterable[Metric], uuid: str, compat_newline: bool = False) -> bytes:
    """The document that one domain may see: the host's metrics and its own."""
    host, own = _split(metrics, uuid)
    return render(host + own, compat_newline)


def render_reply(metrics: Iterable[Metric], uuid: str, compat_newline: bool = False) -> bytes:
    """The answer to a domain's request on its virtio channel.

    That is its document and an empty line, by which the guest knows the end: an empty line in a
    value is escaped. A comment stands in for missing metrics.
    """
    host, own = _split(metrics, uuid)
    parts = (
        _elements(host, compat_newline) or _MISSING["host"],
        _elements(own, compat_newline) or _MISSING["vm"],
    )
    document = "".join((_START, *parts, _END))
    return document.replace("\n\n", "\n&#10;").encode() + b"\n"


def _split(metrics: Iterable[Metric], uuid: str) -> tuple[list[Metric], list[Metric]]:
    visible = [m for m in metrics if m.context == "host" or m.uuid == uuid]
    return [m for m in visible if m.context == "host"], [m for m in visible if m.context != "host"]


def _elements(metrics: Iterable[Metric], compat_newline: bool) -> str:
    return "".join(_element(metric, compat_newline) for metric in metrics)


def _element(metric: Metric, compat_newline: bool) -> str:
    value = metric.value if compat_newline else metric.value.removesuffix("\n")
    attributes = "".join(
        f" {name}='{_escaped(str(text)).translate(_QUOTED)}'"
        for name, text in (
            ("type", metric.type),
            ("context", metric.context),
            ("id", metric.domain_id),
            ("uuid", metric.uuid),
            ("unit", metric.unit),
        )
        if text not in (None, "")
    )
    return (
        f"  <metric{attributes}>\n"
        f"    <name>{_escaped(metric.name)}</name>\n"
        f"    <value>{_escaped(value)}</value>\n"
        "  </metric>\n"
    )


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda found: _ESCAPES.get(found[0], "\ufffd"), text)
