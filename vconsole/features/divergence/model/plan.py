"""What is done where a domain runs with something else than it is defined with.

Making a difference persistent writes the live value into the definition; reverting it puts the
defined value into the running domain, where libvirt changes that while the domain runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Literal

from vconsole.features.divergence.model.rows import Case, Way, at, is_whole
from vconsole.model import libvirt_additions as own
from vconsole.model.cpuset import CpuSet
from vconsole.model.differences import Area, Difference, Found, Leaf, Path, effective, iothreads
from vconsole.model.outcome import PinChange, PinStep, Target
from vconsole.model.proposal import Change, Grade, Planner, Proposal, Revert, Subject
from vconsole.model.request import ChangeDevice, Define
from vconsole.model.set_pins import SetPins
from vconsole.model.xml_edit import Document, Element


def planner(way: Way, wanted: Iterable[Difference], everything: CpuSet, revert: Revert) -> Planner:
    """Plan to do something about differences that were seen.

    Args:
        way: Which way to go.
        wanted: The differences.
        everything: All pCPUs of the host.
        revert: Plans what only the feature knows whose value it is.
    """
    seen = tuple(dict.fromkeys(wanted))

    def plan(subject: Subject, target: Target) -> Proposal:
        case = Case(subject.live, subject.config, everything)
        ones, notes = [], []
        for difference in seen:
            one = next((o for o in case.found if o.shown == difference), None)
            reason = case.row(one).why_not(way) if one else "it is not so any more"
            if one is None or reason:
                notes.append(f"{subject.name}: {difference.what}: {reason}")
            else:
                ones.append(one)
        if way == "persist":
            made = _persist(case, subject, ones)
        else:
            made = _revert(case, subject, ones, revert)
        return Proposal(tuple(made), tuple(notes))

    return plan


def area_planner(
    way: Way,
    area: Area | None,
    everything: CpuSet,
    revert: Revert,
    *,
    removing: bool = False,
    pins: bool = True,
) -> Planner:
    """Plan to do something about all differences of an area, or of every one.

    Args:
        way: Which way to go.
        area: None for all.
        everything: All pCPUs of the host.
        revert: As of `planner`.
        removing: Take out of the definition what the running domain has not got.
        pins: Whether the driver keeps two sets of pins.
    """

    def plan(subject: Subject, target: Target) -> Proposal:
        found = Case(subject.live, subject.config, everything).rows()
        shown = [row for row in found if area in (None, row.difference.area)]
        shown = [row for row in shown if pins or row.difference.area != "pins"]
        left = [row for row in shown if row.removes and way == "persist" and not removing]
        wanted = [row.difference for row in shown if row not in left]
        proposal = planner(way, wanted, everything, revert)(subject, target)
        notes = (f"{subject.name}: {r.difference.what}: only in the definition" for r in left)
        return Proposal(proposal.changes, (*proposal.notes, *notes))

    return plan


def _persist(case: Case, subject: Subject, ones: list[Found]) -> Iterator[Change]:
    """The definition's one edit first: the others must find it as it was seen."""
    whole = [one for one in ones if one.kind == "device" and is_whole(one)]
    pins = [one for one in ones if one.kind == "pin"]
    edits = [one.shown.what for one in ones if one not in whole and one not in pins]
    if edits:
        what = f"make persistent: {', '.join(edits)}"
        after = _edited(case, edits)
        yield Define(subject.uuid, subject.name, what, case.config.text, after)
    yield from _pins(case, subject, pins, live=False)
    for one in whole:
        yield _device(case, subject, one, live=False)


def _edited(case: Case, wanted: list[str]) -> str:
    """The definition with the live values: one edit after the other, each read anew."""
    for what in wanted:
        for _ in range(_MOST_EDITS):
            one = next((o for o in case.found if o.shown.what == what), None)
            if one is None:
                break
            text = _edit(case, one)
            case = Case(case.live.text, text, case.everything)
        else:
            raise ValueError(f"{what} cannot be written into its definition: edit that")
    return case.config.text


_MOST_EDITS: Final = 200


def _edit(case: Case, one: Found) -> str:
    config = case.config
    if one.kind == "iothreads":
        return _with_iothreads(case)
    if one.leaves:
        return _with_leaf(case, one.leaves[0])
    vcpu = config.find("vcpu")
    if vcpu is None:
        raise ValueError("its definition has no <vcpu>: edit that")
    if one.kind == "maximum":
        return config.set_text(vcpu, one.shown.live or "")
    name = "current" if one.kind == "vcpus" else "cpuset"
    if one.shown.live is None:
        return config.remove_attribute(vcpu, name)
    return config.set_attribute(vcpu, name, one.shown.live)


def _with_leaf(case: Case, leaf: Leaf) -> str:
    config = case.config
    if leaf.attribute is None:
        if leaf.live is None:
            return config.remove(case.element(leaf, "config"))
        xml = _xml(case.live, case.element(leaf, "live"))
        parents = _tags(case.live.root, leaf.live_path[:-1])
        if len(parents) > len(leaf.config_path):
            return config.insert("/".join(parents), xml, create=True)
        return config.insert(case.element(leaf, "config"), xml)
    node = case.element(leaf, "config")
    if not leaf.attribute:
        return config.set_text(node, case.element(leaf, "live").text.strip())
    if leaf.live is None:
        return config.remove_attribute(node, leaf.attribute)
    return config.set_attribute(node, leaf.attribute, leaf.live)


def _with_iothreads(case: Case) -> str:
    """The count, and the ids where they are not simply counted."""
    ids = iothreads(case.live_root)
    text = case.config.text
    for tag, wanted in (
        ("iothreads", f"<iothreads>{len(ids)}</iothreads>"),
        ("iothreadids", _ids(ids)),
    ):
        document = Document(text)
        node = document.find(tag)
        if node is not None:
            text = document.replace(node, wanted) if wanted else document.remove(node)
        elif wanted:
            text = document.insert(document.root, wanted, after=document.find("vcpu"))
    return text


def _ids(ids: tuple[int, ...]) -> str:
    if ids == tuple(range(1, len(ids) + 1)):
        return ""
    return f"<iothreadids>{''.join(f'<iothread id={str(n)!r}/>' for n in ids)}</iothreadids>"


def _xml(document: Document, element: Element) -> str:
    return document.text[element.start : element.end]


def _tags(node: Element, path: Path) -> list[str]:
    tags = []
    for place in path:
        node = node.children[place]
        tags.append(node.tag)
    return tags


def _pins(case: Case, subject: Subject, ones: list[Found], live: bool) -> Iterator[Change]:
    steps = []
    for one in ones:
        assert one.pin is not None
        now = effective(case.live_root, one.pin, case.everything)
        then = effective(case.config_root, one.pin, case.everything)
        sets = (now, then, None, None) if live else (None, None, then, now)
        steps.append(PinStep(*one.pin, *sets))
    if steps:
        verb = "revert the live pins" if live else "make the pins persistent"
        yield SetPins(PinChange(subject.uuid, subject.name, tuple(steps)), verb)


def _device(case: Case, subject: Subject, one: Found, live: bool) -> ChangeDevice:
    """What only one half has comes to the other one, or goes."""
    here: Literal["live", "config"] = "live" if one.shown.config is None else "config"
    document = case.live if here == "live" else case.config
    xml = _xml(document, case.element(one.leaves[0], here))
    attach = live == (here == "config")
    verb = "attach" if attach else "detach"
    grade: Grade = "interrupting" if live and not attach else "harmless"
    return ChangeDevice(
        *(subject.uuid, subject.name, f"{verb} {one.shown.what}"),
        own.clean_device(xml) if attach else xml,
        attach=attach,
        live=live,
        config=not live,
        grade=grade,
    )


def _revert(case: Case, subject: Subject, ones: list[Found], revert: Revert) -> Iterator[Change]:
    yield from _pins(case, subject, [one for one in ones if one.kind == "pin"], live=True)
    for one in ones:
        if one.kind == "device" and is_whole(one):
            yield _device(case, subject, one, live=True)
        elif one.kind != "pin":
            yield revert(*_wanted(case, subject, one))


def _wanted(case: Case, subject: Subject, one: Found) -> tuple[str, Subject, str, str, str]:
    what = f"revert {one.shown.what}"
    if one.kind != "device":
        kind = "vcpus" if one.kind == "vcpus" else "memory"
        return kind, subject, what, case.live.text, case.config.text
    leaf = one.leaves[0]
    seen = _xml(case.live, at(case.live.root, leaf.live_path[:2]))
    wanted = _xml(case.config, at(case.config.root, leaf.config_path[:2]))
    return "interface", subject, what, seen, wanted
