"""What it takes to give a domain another count of vCPUs, or show them to the guest otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from vconsole.features.resources.model.change import SetResource
from vconsole.features.resources.model.edit_vcpus import MOST_VCPUS, with_maximum, with_topology
from vconsole.features.resources.model.numbers import Resources, Topology, halves, resources
from vconsole.features.resources.model.places import place_notes
from vconsole.model.outcome import Target
from vconsole.model.proposal import Change, Proposal, Subject
from vconsole.model.request import Define
from vconsole.model.words import plural


@dataclass(frozen=True, slots=True)
class VcpuWish:
    """What is wanted; None is left as it is.

    Attributes:
        count: The vCPUs that are there, up to the maximum.
        maximum: How many there may ever be; from the next start on.
        shape: Sockets, cores and threads that the guest sees; from the next start on.
    """

    count: int | None = None
    maximum: int | None = None
    shape: tuple[int, int, int] | None = None

    def plan(self, subject: Subject, target: Target) -> Proposal:
        """Work it out for one domain; a `Planner`."""
        live, config = halves(subject, target)
        changes: list[Change] = []
        notes: list[str] = []
        if self.maximum is not None or self.shape is not None:
            if config is None or subject.config is None:
                raise ValueError("that is set in the definition, which is not changed here")
            after, notes = self._edited(subject.config, config)
            if after != subject.config:
                what = self._what
                changes.append(Define(subject.uuid, subject.name, what, subject.config, after))
            config = resources(after)
            if self.count is None and config.vcpus < config.maximum_vcpus:
                notes.append(f"it starts with {config.vcpus_words}")
        changes += self._counted(subject, live, config, notes)
        if not changes:
            raise ValueError("; ".join(notes) or "it is so already")
        return Proposal(tuple(changes), tuple(f"{subject.name}: {note}" for note in notes))

    @property
    def _what(self) -> str:
        """What the edit of the definition is about."""
        if self.maximum is None:
            return "set the topology of its vCPUs"
        return f"set the maximum to {plural(self.maximum, 'vCPU')}"

    def _edited(self, xml: str, config: Resources) -> tuple[str, list[str]]:
        """The definition with maximum and topology, and what to know of it."""
        notes: list[str] = []
        maximum = config.maximum_vcpus if self.maximum is None else self.maximum
        if not 1 <= maximum <= MOST_VCPUS:
            raise ValueError(f"{maximum} vCPUs: a maximum is from 1 to {MOST_VCPUS}")
        if self.shape is not None:
            xml = with_topology(xml, _shaped(config.topology, self.shape, maximum))
        if maximum != config.maximum_vcpus:
            xml, found = with_maximum(xml, maximum)
            notes += found
        return xml, notes

    def _counted(
        self, subject: Subject, live: Resources | None, config: Resources | None, notes: list[str]
    ) -> Iterator[Change]:
        count = self.count
        if count is None:
            return
        possible: list[Resources | None] = []
        for half, found in (("live", live), ("config", config)):
            reason = _why_not(half, found, count) if found else ""
            notes += [f"{half}: {reason}"] if reason else []
            same = found is None or found.vcpus == count
            possible.append(None if reason or same else found)
        live, config = possible
        texts = (subject.live if live else None, subject.config if config else None)
        places = (note for text in texts if text for note in place_notes(text, count))
        notes += dict.fromkeys(places)
        if live is not None and count < live.vcpus:
            notes.append("the guest has to let go of vCPUs, and may refuse")
        if live or config:
            yield SetResource(subject.uuid, subject.name, "vcpus", count, live, config)


def _why_not(half: str, found: Resources, count: int) -> str:
    """Why a half cannot have this count; empty if it can."""
    if count < 1:
        return "a domain has at least one vCPU"
    if count > found.maximum_vcpus:
        cure = "until it is shut off" if half == "live" else "raise it first"
        return f"{count} is above its maximum of {plural(found.maximum_vcpus, 'vCPU')}, {cure}"
    if half == "live" and count < found.fixed_vcpus:
        return f"{found.fixed_vcpus} were there at its start and cannot be unplugged"
    return ""


def _shaped(now: Topology | None, shape: tuple[int, int, int], maximum: int) -> Topology:
    """A topology of this shape; dies and clusters stay.

    Raises:
        ValueError: It does not have as many vCPUs as the maximum.
    """
    sockets, cores, threads = shape
    made = replace(now or Topology(), sockets=sockets, cores=cores, threads=threads)
    if made.count != maximum:
        raise ValueError(f"{made.words} are {plural(made.count, 'vCPU')}, the maximum is {maximum}")
    return made
