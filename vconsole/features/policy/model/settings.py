"""Every setting of the policy as a row: how to read, write and remove it, and what it means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from vconsole.features.policy.model import clock, features, redirfilter, smart, timers
from vconsole.features.policy.model.elements import DEFAULT
from vconsole.features.policy.model.timers import Timer
from vconsole.model.words import plural
from vconsole.model.xml_edit import Document

Write = Callable[[str, str], str]
"""(definition, value as typed) -> definition; raises ValueError with what to write instead."""
RULE: Final = "rule"
FILTER: Final = "filter"
TIMER: Final = "timer"
SMART: Final = "smart"


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that can be set.

    Attributes:
        key: What it is, unique in a domain: ``offset``, ``timer rtc``, ``rule 3``.
        group: What it belongs to, in a word.
        title: What it is called there.
        read: Its value, as it is typed; None where it is left to the hypervisor, or is not there.
        write: Sets it; None for what is only told.
        remove: Leaves it to the hypervisor, or removes it; None where that makes no sense.
        choices: All its values, where there are few; the key for the next one goes round them.
        hint: What may be typed.
        help: What it means.
        brief: Its value in few characters.
        remarks: What to know of it as it is set in a definition.
        moves: A domain that runs changes it by itself.
    """

    key: str
    group: str
    title: str
    read: Callable[[Document], str | None]
    write: Write | None = None
    remove: Callable[[str], str] | None = None
    choices: tuple[str, ...] = ()
    hint: str = ""
    help: str = ""
    brief: Callable[[str], str] = str
    remarks: Callable[[Document], Iterator[str]] = lambda _: iter(())
    moves: bool = False


def settings_of(*documents: Document) -> tuple[Setting, ...]:
    """The settings of a domain by its definitions, the one that is edited first.

    Raises:
        ValueError: A definition says what libvirt would not take.
    """
    return (
        *_clock_settings(documents),
        *_timer_settings(documents),
        *map(_sleep_setting, features.SLEEPS),
        _PMU,
        _FILTER,
        *_rule_settings(documents),
        _SMART,
    )


def next_choice(setting: Setting, value: str | None) -> str:
    """The value after this one, going round."""
    now = DEFAULT if value is None else value
    place = setting.choices.index(now) if now in setting.choices else -1
    return setting.choices[(place + 1) % len(setting.choices)]


# -- clock -----------------------------------------------------------------------------------

_CLOCK_HELP: Final = {
    "adjustment": "seconds from the basis; with utc and localtime only reset: the guest's own "
    "changes are never kept. A guest that sets its clock moves the live one",
    "basis": "what the adjustment is counted from; at the start libvirt counts it anew from utc",
    "timezone": "a name of the time zone database; libvirt does not check it, a wrong one is UTC",
    "start": "seconds since 1970",
}

_CLOCK_HINTS: Final = {
    "adjustment": "seconds, as 3600 or -7200",
    "timezone": "a name, as Europe/Paris",
    "start": "seconds since 1970",
}


def _clock_settings(documents: tuple[Document, ...]) -> Iterator[Setting]:
    clocks = [clock.clock_of(document) for document in documents]
    offset = clocks[0].offset if clocks else ""
    yield Setting(
        *("offset", "Clock", "offset", partial(_clock_value, "offset")),
        write=lambda xml, value: clock.set_clock(xml, "offset", value),
        choices=tuple(clock.OFFSETS),
        hint=" or ".join(clock.OFFSETS),
        help=clock.EXPLAINED.get(offset, ""),
    )
    for name, words in _CLOCK_HELP.items():
        fits = name in clock.OFFSETS.get(offset, ())
        if fits or any(known.get(name) for known in clocks):
            yield _clock_setting(name, words, offset)


def _clock_setting(name: str, words: str, offset: str) -> Setting:
    choices: tuple[str, ...] = ()
    if name == "basis":
        choices = (*clock.BASES, DEFAULT)
    elif name == "adjustment" and offset != "variable":
        choices = (clock.RESET, DEFAULT)
    return Setting(
        *(name, "Clock", name, partial(_clock_value, name)),
        write=lambda xml, value: clock.set_clock(xml, name, value),
        remove=lambda xml: clock.set_clock(xml, name, DEFAULT),
        choices=choices,
        hint=" or ".join(choices) or _CLOCK_HINTS[name],
        help=words,
        moves=clock.drifts(offset, name),
    )


def _clock_value(name: str, document: Document) -> str | None:
    return clock.clock_of(document).get(name)


# -- timers ----------------------------------------------------------------------------------


def _timer_settings(documents: tuple[Document, ...]) -> Iterator[Setting]:
    """Those of each name by their place: libvirt takes a name twice."""
    found = [[timer.name for timer in timers.timers_of(document)] for document in documents]
    for name in dict.fromkeys(name for names in found for name in names):
        for nth in range(max(names.count(name) for names in found)):
            yield _timer_setting(name, nth)


def _timer_setting(name: str, nth: int) -> Setting:
    known = timers.TIMERS.get(name, ())
    title = f"{name} {nth + 1}" if nth else name
    values = [f"{key}={'|'.join(timers.VALUES.get(key, ('N',)))}" for key in known]

    def read(document: Document) -> str | None:
        found = _nth_timer(document, name, nth)
        return None if found is None else found[1].words

    def write(xml: str, value: str) -> str:
        timer = timers.parse_timer(f"{name} {value}")
        found = _nth_timer(Document(xml), name, nth)
        return timers.add_timer(xml, timer) if not found else timers.set_timer(xml, found[0], timer)

    def remove(xml: str) -> str:
        found = _nth_timer(Document(xml), name, nth)
        return xml if found is None else timers.remove_timer(xml, found[0])

    def remarks(document: Document) -> Iterator[str]:
        found = _nth_timer(document, name, nth)
        if found and (words := timers.ignored(document, found[1])):
            yield words
        if nth:
            yield f"{name} is there already: libvirt goes by both, delete one"

    return Setting(
        *(f"{TIMER} {title}", "Timer", title, read),
        *(write, remove),
        hint=" ".join(values),
        help=timers.EXPLAINED.get(name, ""),
        brief=_brief_timer,
        remarks=remarks,
    )


def _nth_timer(document: Document, name: str, nth: int) -> tuple[int, Timer] | None:
    found = [(n, t) for n, t in enumerate(timers.timers_of(document)) if t.name == name]
    return found[nth] if nth < len(found) else None


def _brief_timer(words: str) -> str:
    """Values tell what they are of, but for numbers and whether it is there."""
    parts = (word.partition("=") for word in words.split())
    found = ("there" if v == "yes" else "not there" if v == "no" else v for _, _, v in parts)
    return " ".join(found) or "as it is"


# -- power, counters -------------------------------------------------------------------------

_STATES: Final = {"suspend-to-mem": "S3, sleep in memory", "suspend-to-disk": "S4, hibernation"}


def _sleep_setting(name: str) -> Setting:
    choices = ("yes", "no", DEFAULT)
    return Setting(
        *(name, "Power", name, lambda document: features.sleep_of(document, name)),
        write=lambda xml, value: features.set_sleep(xml, name, value),
        remove=lambda xml: features.set_sleep(xml, name, DEFAULT),
        choices=choices,
        hint=" or ".join(choices),
        help=f"whether the firmware offers the guest ACPI's {_STATES[name]}",
    )


_PMU: Final = Setting(
    *("pmu", "CPU", "PMU", features.pmu_of, features.set_pmu),
    remove=lambda xml: features.set_pmu(xml, DEFAULT),
    choices=("on", "off", DEFAULT),
    hint="on or off or default",
    help="the CPU's performance counters for the guest's perf, to find what is slow in it",
    remarks=lambda document: iter(filter(None, (features.pmu_remark(document),))),
)


# -- USB redirection -------------------------------------------------------------------------


def _rule_settings(documents: tuple[Document, ...]) -> Iterator[Setting]:
    rules = [redirfilter.rules_of(document) for document in documents]
    for number in range(max((len(known) for known in rules), default=0)):
        rule = next(known[number] for known in rules if number < len(known))
        yield _rule_setting(number, (str(replace(rule, allow=allow)) for allow in (True, False)))


def _rule_setting(number: int, choices: Iterable[str]) -> Setting:
    def read(document: Document) -> str | None:
        rules = redirfilter.rules_of(document)
        return str(rules[number]) if number < len(rules) else None

    def write(xml: str, value: str) -> str:
        rule, count = redirfilter.parse_rule(value), len(redirfilter.rules_of(Document(xml)))
        if number < count:
            return redirfilter.set_rule(xml, number, rule)
        return redirfilter.add_rules(xml, count, (rule,))

    return Setting(
        *(f"{RULE} {number + 1}", "USB", f"rule {number + 1}", read),
        write=write,
        remove=lambda xml: redirfilter.remove_rule(xml, number),
        choices=tuple(choices),
        hint=f"{redirfilter.FORMAT}, as 0x08:0x0951:0x1625:2.00:yes, -1 for any",
        help="the first rule that fits decides. The class is that of the device and of each of its "
        "interfaces; the version is the device's, not that of USB",
        brief=lambda value: redirfilter.parse_rule(value).brief,
        remarks=redirfilter.remarks,
    )


def _filter_words(document: Document) -> str | None:
    rules = redirfilter.rules_of(document)
    return plural(len(rules), "rule") if rules else None


_FILTER: Final = Setting(
    *(FILTER, "USB", "filter", _filter_words),
    help="which USB devices may be redirected into the guest. A device that no rule fits is "
    "refused; without a rule all are allowed. All redirection devices have the same rules",
    remarks=redirfilter.remarks,
)


# -- SMART -----------------------------------------------------------------------------------

_SMART: Final = Setting(
    *(SMART, "SMART", "disks", lambda document: smart.disks_of(document).brief),
    remarks=smart.advice,
)
