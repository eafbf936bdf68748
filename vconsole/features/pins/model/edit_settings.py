"""Edits of a definition that give a row of memory or scheduling another value.

Nothing else of the text changes; an element that says nothing any more goes, and its parent too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from vconsole.model.cpuset import CpuSet, CpuSetError
from vconsole.model.setting import Setting, SettingKind
from vconsole.model.xml_edit import Document, Element, element

_THREADS: Final = {"vcpusched": "vcpus", "iothreadsched": "iothreads"}
_CPUTUNE_BEHIND: Final = ("iothreadids", "defaultiothread", "iothreads", "vcpus", "vcpu")
_NUMATUNE_BEHIND: Final = ("cputune", *_CPUTUNE_BEHIND)


def with_setting(xml: str, kind: SettingKind, number: int | None, setting: Setting) -> str:
    """The definition with the row as wanted.

    Raises:
        XmlEditError: The text is no definition that can be edited.
    """
    if kind == "vcpuset":
        return _with_cpuset(xml, setting)
    if kind in ("numatune", "memnode"):
        return _with_tune(xml, kind, number, setting)
    if kind in _THREADS and number is not None:
        return _with_policy(xml, kind, number, setting)
    inner = ""
    if setting.text:
        plain = element(kind, {}, setting.text)
        inner = element(kind, _policy(setting)) if kind == "emulatorsched" else plain
    document = Document(xml)
    return _put(document, "cputune", document.find(f"cputune/{kind}"), inner, _CPUTUNE_BEHIND)


def _with_cpuset(text: str, setting: Setting) -> str:
    """``auto`` is a placement; a set stands for ``static``, which is the default."""
    document = Document(text)
    vcpu = document.find("vcpu")
    if vcpu is None:
        return document.insert(document.root, element("vcpu", _cpuset(setting), "1"))
    wanted = _cpuset(setting)
    for name in ("placement", "cpuset"):
        document = Document(text)
        vcpu = document.find("vcpu")
        assert vcpu is not None
        if name in wanted:
            text = document.set_attribute(vcpu, name, wanted[name])
        elif name == "cpuset" or vcpu.get(name) == "auto":
            text = document.remove_attribute(vcpu, name)
    return text


def _cpuset(setting: Setting) -> dict[str, str]:
    if setting.auto:
        return {"placement": "auto"}
    return {"cpuset": setting.text} if setting.text else {}


def _with_tune(text: str, kind: SettingKind, number: int | None, setting: Setting) -> str:
    tag = "memory" if kind == "numatune" else "memnode"
    document = Document(text)
    found = document.findall(f"numatune/{tag}")
    node = next((n for n in found if kind == "numatune" or n.get("cellid") == str(number)), None)
    where = {"placement": "auto"} if setting.auto else {"nodeset": setting.rest}
    cell = {} if kind == "numatune" else {"cellid": str(number)}
    inner = element(tag, {**cell, "mode": setting.mode, **where}) if setting.text else ""
    return _put(document, "numatune", node, inner, _NUMATUNE_BEHIND)


def _with_policy(text: str, kind: SettingKind, number: int, setting: Setting) -> str:
    """Elements are for many threads: the one leaves its own, and joins those of its policy."""
    name = _THREADS[kind]
    text = _without_thread(text, kind, number)
    if not setting.text:
        return text
    document, wanted = Document(text), _policy(setting)
    for node in document.findall(f"cputune/{kind}"):
        threads = _threads(node.get(name))
        if threads and all(node.get(key) == wanted.get(key) for key in ("scheduler", "priority")):
            return document.set_attribute(node, name, str(threads | CpuSet.of((number,))))
    inner = element(kind, {name: str(number), **wanted})
    return _put(document, "cputune", None, inner, _CPUTUNE_BEHIND)


def _without_thread(text: str, kind: SettingKind, number: int) -> str:
    document, name = Document(text), _THREADS[kind]
    for node in document.findall(f"cputune/{kind}"):
        threads = _threads(node.get(name))
        if number not in threads:
            continue
        if rest := threads - CpuSet.of((number,)):
            return document.set_attribute(node, name, str(rest))
        return _put(document, "cputune", node, "", ())
    return text


def _threads(text: str | None) -> CpuSet:
    try:
        return CpuSet.parse(text or "")
    except CpuSetError:
        return CpuSet()


def _policy(setting: Setting) -> dict[str, str]:
    priority = {"priority": setting.rest} if setting.rest else {}
    return {"scheduler": setting.mode, **priority}


def _put(
    document: Document, parent: str, node: Element | None, inner: str, behind: Iterable[str]
) -> str:
    """Give `parent` another child in the place of `node`; neither may be there."""
    if node is not None and inner:
        return document.replace(node, inner)
    above = document.find(parent)
    if node is not None:
        alone = above is not None and len(above.children) == 1
        return document.remove(above if alone and above is not None else node)
    if not inner:
        return document.text
    if above is not None:
        return document.insert(above, inner)
    after = next(filter(None, map(document.find, behind)), None)
    return document.insert(document.root, element(parent, {}, inner), after)
