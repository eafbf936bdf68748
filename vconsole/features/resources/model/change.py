"""A change of a domain's memory, vCPUs or balloon statistics, as libvirt has calls for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Final, Literal

from vconsole.features.resources.model.numbers import Reading, Resources, resources
from vconsole.model.proposal import AT_NEXT_START, Grade, Subject, flags_of, virsh_line
from vconsole.model.size import exact
from vconsole.model.virsh import domain_argument

Kind = Literal["memory", "maximum", "vcpus", "statistics"]


@dataclass(frozen=True, slots=True)
class _Nature:
    """What the changes of a kind have in common."""

    what: str
    words: Callable[[Resources], str]
    """What of the resources is concerned; it is also what must not have changed meanwhile."""
    after: Callable[[Resources, int], Resources]
    virsh: Callable[[str, int], tuple[str, ...]]
    """Domain and number -> command and words, without flags."""


def _lowered(seen: Resources, kib: int) -> Resources:
    return replace(seen, maximum_kib=kib, current_kib=min(seen.current_kib, kib))


def _size(kib: int) -> str:
    return exact(kib).replace(" ", "")


_NATURES: Final[Mapping[Kind, _Nature]] = {
    "memory": _Nature(
        "set the memory",
        lambda seen: seen.memory_words,
        lambda seen, kib: replace(seen, current_kib=kib),
        lambda domain, kib: ("setmem", domain, _size(kib)),
    ),
    "maximum": _Nature(
        "set the maximum memory",
        lambda seen: seen.memory_words,
        _lowered,
        lambda domain, kib: ("setmaxmem", domain, _size(kib)),
    ),
    "vcpus": _Nature(
        "set the count of vCPUs",
        lambda seen: seen.vcpus_words,
        lambda seen, count: replace(seen, vcpus=count),
        lambda domain, count: ("setvcpus", domain, str(count)),
    ),
    "statistics": _Nature(
        "set the period of the balloon's statistics",
        lambda seen: seen.period_words,
        lambda seen, seconds: replace(seen, period_s=seconds),
        lambda domain, seconds: ("dommemstat", domain, "--period", str(seconds)),
    ),
}


@dataclass(frozen=True, slots=True)
class SetResource:
    """Set one number of a domain; answers the `Reading` read back.

    It is a conflict if the domain does not have what was seen any more.

    Attributes:
        number: KiB, a count, or seconds.
        live: What was seen of the domain as it runs; None where that is not changed.
        config: What was seen of its definition; None where that is not changed.
        grade: How it is confirmed.
    """

    uuid: str
    name: str
    kind: Kind
    number: int
    live: Resources | None = None
    config: Resources | None = None
    grade: Grade = "harmless"
    deadline_s: ClassVar[float] = 60.0

    @property
    def what(self) -> str:
        """Which number, in a few words."""
        return _NATURES[self.kind].what

    @property
    def when(self) -> str:
        """What of the domain is changed."""
        if self.live is None:
            return AT_NEXT_START
        return "live and config" if self.config else "live, until it is shut off"

    @property
    def seen(self) -> tuple[tuple[str, Resources], ...]:
        """The halves that are changed, as they were seen."""
        both = (("live", self.live), ("config", self.config))
        return tuple((half, seen) for half, seen in both if seen is not None)

    @property
    def trace(self) -> str:
        """Which number, and the halves that get it."""
        import json

        return json.dumps([self.kind, self.number, [half for half, _ in self.seen]])

    def words(self, found: Resources | None) -> str:
        """What of a configuration this is about."""
        return _NATURES[self.kind].words(found) if found else "gone"

    def after(self, seen: Resources) -> Resources:
        """A configuration once the number is set."""
        return _NATURES[self.kind].after(seen, self.number)

    def is_done(self, found: Reading) -> bool:
        """The halves are as wanted."""
        wanted = {half: self.words(self.after(seen)) for half, seen in self.seen}
        return wanted == {half: self.words(getattr(found, half)) for half in wanted}

    def lines(self) -> tuple[str, ...]:
        """Both sides of the halves that change."""
        return tuple(
            f"{sign} {half}: {self.words(shown)}"
            for half, seen in self.seen
            for sign, shown in (("-", seen), ("+", self.after(seen)))
        )

    def virsh(self, uri: str = "") -> tuple[str, ...]:
        """Name the one command that does it."""
        words = _NATURES[self.kind].virsh(domain_argument(self.name, self.uuid), self.number)
        return (virsh_line(uri, *words, *flags_of(self.live is not None, self.config is not None)),)


def revert_vcpus(subject: Subject, _what: str, seen: str, wanted: str) -> SetResource:
    """Give a running domain the count of vCPUs that is defined; see `proposal.Revert`."""
    live, count = resources(seen), resources(wanted).vcpus
    return _reverted(subject, "vcpus", count, live, live.vcpus)


def revert_memory(subject: Subject, _what: str, seen: str, wanted: str) -> SetResource:
    """Give a running domain the amount of memory that is defined; see `proposal.Revert`."""
    live, kib = resources(seen), resources(wanted).current_kib
    return _reverted(subject, "memory", kib, live, live.current_kib)


def _reverted(
    subject: Subject, kind: Kind, number: int, live: Resources, before: int
) -> SetResource:
    grade: Grade = "interrupting" if number < before else "harmless"
    return SetResource(subject.uuid, subject.name, kind, number, live, grade=grade)
