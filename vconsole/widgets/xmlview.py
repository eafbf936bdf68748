"""Colours for the lines of an XML document and of a difference; foreign text leaves here safe."""

from __future__ import annotations

import re
from difflib import unified_diff
from functools import lru_cache

from vconsole.text import MAX_CHARS, Span, safe

_TOKEN = re.compile(
    r"""(?P<dim><!--.*?(?:-->|$)|<\?.*?(?:\?>|$))"""
    r"""|(?P<accent></?[^\s<>/'"]+|/?>)"""
    r"""|(?P<name>\s[^\s<>='"]+=)(?P<value>'[^']*'|"[^"]*")"""
)


@lru_cache(maxsize=512)
def paint_xml(line: str) -> tuple[Span, ...]:
    """Tags in the accent, names of attributes and comments dimmed, values and text plain."""
    line = line[:MAX_CHARS]
    spans: list[Span] = [(" ", "")]
    end = 0
    for match in _TOKEN.finditer(line):
        spans.append((safe(line[end : match.start()]), ""))
        if match["name"] is not None:
            spans += [(safe(match["name"]), "dim"), (safe(match["value"]), "")]
        else:
            spans.append((safe(match[0]), match.lastgroup or ""))
        end = match.end()
    spans.append((safe(line[end:]), ""))
    return tuple(span for span in spans if span[0])


_DIFF_STYLES = {"+": "good", "-": "bad", "@": "accent"}


def paint_diff(line: str) -> tuple[Span, ...]:
    """Added and taken away by sign and colour; what is the same as XML."""
    style = _DIFF_STYLES.get(line[:1])
    return ((" " + safe(line), style),) if style else paint_xml(line)


@lru_cache(maxsize=4)
def xml_lines(document: str) -> tuple[str, ...]:
    """The lines of a document."""
    return tuple(document.rstrip("\n").split("\n"))


@lru_cache(maxsize=4)
def xml_diff(live: str, config: str) -> tuple[str, ...]:
    """What the next start changes: ``-`` is only live, ``+`` only in the configuration."""
    return tuple(
        unified_diff(xml_lines(live), xml_lines(config), "live", "config", n=2, lineterm="")
    )
