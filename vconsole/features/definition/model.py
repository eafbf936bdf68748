"""A definition that was edited as a text: what libvirt need not be asked about it."""

from __future__ import annotations

from typing import Final

from vconsole.model.request import Define
from vconsole.model.xml_edit import Document

_IDENTITY: Final = ("uuid", "name")


def redefinition(uuid: str, name: str, before: str, after: str) -> Define:
    """The change from one text to the other.

    Raises:
        ValueError: Nothing was changed, or it is no definition of this domain.
    """
    if after.strip() == before.strip():
        raise ValueError("nothing was changed")
    check(before, after)
    return Define(uuid, name, "edit the definition", before, after)


def check(before: str, after: str) -> None:
    """Refuse what is no definition of the same domain.

    Raises:
        ValueError: It is not; the message says where, and the cure.
    """
    old, new = Document(before), Document(after)
    if new.root.tag != "domain":
        raise ValueError(f"it is a <{new.root.tag}>, not a <domain>")
    for tag in _IDENTITY:
        was = (node := old.find(tag)) and node.text.strip()
        found = [node.text.strip() for node in new.findall(tag)]
        if found != [was]:
            raise ValueError(
                f"<{tag}> is {', '.join(found) or 'gone'}: that would define another domain; "
                f"put {was} back"
            )
