"""What grammars say of a metric document, and vhostmd's releases of a configuration.

A file for the daemon here need not be valid by any of them.
"""

from __future__ import annotations

from functools import cache
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from vconsole.features.metrics.model.parser import MAX_BYTES

if TYPE_CHECKING:
    from lxml import etree

_VIRTIO: Final = {
    "1.2": "(max_channels, expiration_time)",
    "after 1.2": "(channel_path, max_channels, expiration_time)",
}
"""What its releases want in <virtio>; ours takes both, and is else the same."""
RELEASES: Final = tuple(_VIRTIO)


def refusals(data: bytes) -> dict[str, str]:
    """Release -> the first reason why it refuses the file; releases that take it are left out."""
    from lxml import etree

    reader = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True)
    try:
        root = etree.fromstring(data, reader)
    except etree.XMLSyntaxError as error:
        return dict.fromkeys(RELEASES, str(error.msg))
    if b"<!DOCTYPE" not in data:
        return dict.fromkeys(RELEASES, "it has no <!DOCTYPE>")
    found: dict[str, str] = {}
    for release in RELEASES:
        dtd = _dtd(release)
        dtd.validate(root)
        log: Any = dtd.error_log
        for fault in log:
            found.setdefault(release, f"line {fault.line}: {fault.message}")
    return found


@cache
def _dtd(release: str) -> etree.DTD:
    from lxml import etree

    ours = Path(__file__).with_name("vhostmd.dtd").read_text("utf-8")
    wanted = ours.replace("(channel_path?, max_channels, expiration_time)", _VIRTIO[release])
    return etree.DTD(StringIO(wanted))


def validate(content: bytes) -> tuple[str, ...]:
    """What is wrong with a document by the letter of its DTD, a line each; nothing if it is valid.

    Stricter than `parse`, which shows what it can. Takes some ten times the memory of `content`.
    """
    if len(content) > MAX_BYTES:
        return (f"longer than {MAX_BYTES >> 20} MiB",)
    if b"<!DOCTYPE" in content:
        return ("it has a DOCTYPE of its own, which is not read",)
    from lxml import etree

    reader = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, load_dtd=False, no_network=True
    )
    try:
        root = etree.fromstring(content, reader)
    except etree.XMLSyntaxError as error:
        return (str(error.msg),)
    dtd = _metrics_dtd()
    if dtd.validate(root):
        return ()
    log: Any = dtd.error_log
    return tuple(f"line {entry.line}: {entry.message}" for entry in log)


@cache
def _metrics_dtd() -> etree.DTD:
    from lxml import etree

    with Path(__file__).with_name("metric.dtd").open("rb") as file:
        return etree.DTD(file)
