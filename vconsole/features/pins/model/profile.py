"""A profile: the placement of domains under a name, as text that people read and keep in git.

The text is TOML: a table for each domain, a line for each row of its plan, in the words of the plan
(``"vcpu 0" = "8"``, ``numatune = "strict 0"``). ``all`` stands for every pCPU of the host. A row
that is not named stays as it is.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, cast, get_args

from vconsole.features.pins.model.many import Judged, ManyPlan, many_plan, missing_half
from vconsole.features.pins.model.plan import PinPlan
from vconsole.features.pins.model.setting_rows import SettingKey, setting_rows
from vconsole.model.cpuset import CpuSet, CpuSetError
from vconsole.model.host_state import Domain, HostState, PinKey, PinKind, RowKey, RowKind
from vconsole.model.outcome import Target
from vconsole.model.request import Reply
from vconsole.model.setting import SETTING_KINDS, parse_setting
from vconsole.model.words import plural

ALL: Final = "all"
_HEAD: Final = "# vconsole profile: where domains run. Rows that are not named stay as they are.\n"
_ALWAYS: Final = ("vcpuset", "numatune", "memnode")
"""Settings that are written down where they say nothing, too: where memory goes is placement."""


class ProfileError(ValueError):
    """Text that is no profile; one line that says where."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where one domain runs."""

    name: str
    uuid: str = ""
    rows: Mapping[RowKey, str] = field(default_factory=dict)
    """Kind and number of a row -> its text."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Placements under a name."""

    name: str
    placements: tuple[Placement, ...] = ()
    host: str = ""
    """Where it was saved."""


def profile_of(name: str, domains: Iterable[Domain], host_state: HostState) -> Profile:
    """The placement of domains as it is now: live where they run."""
    placements = tuple(_placement(domain, host_state) for domain in domains if domain.pins)
    return Profile(name, placements, host_state.connection.hostname)


def _placement(domain: Domain, host_state: HostState) -> Placement:
    everything = host_state.online_pcpus
    rows: dict[RowKey, str] = {}
    for pin in domain.pins:
        if pin.now is not None:
            rows[pin.key] = ALL if everything <= pin.now else str(pin.now)
    for row in setting_rows(domain):
        if row.now is not None and (row.now.text or row.kind in _ALWAYS):
            rows[row.key] = str(row.now)
    return Placement(domain.name, domain.uuid, rows)


# ---- as text


def to_text(profile: Profile) -> str:
    """The profile as TOML, the same text for the same placement."""
    parts = [_HEAD, f"host = {_quoted(profile.host)}\n"]
    for placed in sorted(profile.placements, key=lambda placed: placed.name):
        lines = [f"[domain.{_quoted(placed.name)}]", f"uuid = {_quoted(placed.uuid)}"]
        lines += [f"{_row(key)} = {_quoted(text)}" for key, text in placed.rows.items()]
        parts.append("\n" + "\n".join(lines) + "\n")
    return "".join(parts)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _row(key: RowKey) -> str:
    kind, number = key
    return kind if number is None else f'"{kind} {number}"'


def from_text(name: str, text: str) -> Profile:
    """Read a profile.

    Raises:
        ProfileError: It is no TOML, or something in it is none of what a profile has.
    """
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"profile {name}: {error}") from None
    tables = found.get("domain", {})
    if not isinstance(tables, dict) or not all(isinstance(t, dict) for t in tables.values()):
        raise ProfileError(f"profile {name}: domain: a table for each domain is needed")
    if unknown := found.keys() - {"domain", "host"}:
        raise ProfileError(f"profile {name}: {min(unknown)}: no such field")
    placements = tuple(_read(name, domain, table) for domain, table in tables.items())
    return Profile(name, placements, str(found.get("host", "")))


def _read(profile: str, domain: str, table: Mapping[str, Any]) -> Placement:
    rows: dict[RowKey, str] = {}
    for word, text in table.items():
        where = f"profile {profile}: {domain}: {word}"
        if not isinstance(text, str):
            raise ProfileError(f"{where}: text is needed")
        if word == "uuid":
            continue
        kind, _, number = word.partition(" ")
        if kind not in (*get_args(PinKind), *SETTING_KINDS) or (number and not number.isdecimal()):
            raise ProfileError(f"{where}: no such row")
        rows[cast("RowKind", kind), int(number) if number else None] = text
    return Placement(domain, table.get("uuid", ""), rows)


# ---- as a plan


@dataclass(frozen=True, slots=True)
class ApplyProfile:
    """Have a profile compared with the host; answers the `ManyPlan` that brings it back."""

    profile: Profile
    host_state: HostState
    target: Target = "both"
    without: frozenset[str] = frozenset()
    """UUIDs of domains that stay as they are."""
    deadline_s: ClassVar[float] = 60.0

    @property
    def title(self) -> str:
        """What it is a plan of."""
        count = plural(len(self.profile.placements), "domain")
        return f"Profile {self.profile.name} for {count}"

    def again(self, host_state: HostState, target: Target, without: frozenset[str]) -> ApplyProfile:
        """The same for the host as it is now, without the domains of some UUIDs."""
        return ApplyProfile(self.profile, host_state, target, without)


def answer(request: ApplyProfile) -> Reply:
    """Compare, beside the pages."""
    kept = (request.profile, request.host_state, request.target, request.without)
    return Reply(value=plan_of(*kept))


def plan_of(
    profile: Profile,
    host_state: HostState,
    target: Target = "both",
    without: frozenset[str] = frozenset(),
) -> ManyPlan:
    """The plan that gives each domain its place; one that is not there is left out."""
    plans: list[Judged] = []
    left_out: list[tuple[str, str]] = []
    for placed in profile.placements:
        domain = _domain(placed, host_state)
        if domain is None:
            left_out.append((placed.name, "this host has no such domain"))
        elif domain.uuid not in without:
            if lacking := missing_half([domain], host_state, target):
                left_out += [(domain.name, reason) for reason in lacking.values()]
                continue
            plan = PinPlan.of(domain, host_state)
            plan = plan.with_target(target) if target in plan.targets else plan
            plan, reasons = _staged(plan, placed)
            plans.append(Judged(plan, tuple(reasons)))
    return many_plan(plans, host_state, left_out)


def _domain(placed: Placement, host_state: HostState) -> Domain | None:
    """By its UUID, else by its name: it may have been made anew, or be another host's twin."""
    named = (d for d in host_state.domains if d.name == placed.name)
    return host_state.domain(placed.uuid) or next(named, None)


def _staged(plan: PinPlan, placed: Placement) -> tuple[PinPlan, list[str]]:
    """The plan with every row of the profile, and why some are passed over."""
    reasons: list[str] = []
    for key, text in placed.rows.items():
        try:
            if key[0] in SETTING_KINDS:
                setting = cast("SettingKey", key)
                plan = plan.set(setting, parse_setting(setting[0], text))
            else:
                plan = plan.stage(cast("PinKey", key), CpuSet.parse(text, plan.everything))
        except (CpuSetError, ValueError) as error:
            reasons.append(f"passed over: {error}")
    return plan, reasons


def differences(many: ManyPlan) -> Iterator[tuple[str, str, str, str, str]]:
    """(domain, row, half, now, in the profile) of each that differs."""
    for placed in many.placed:
        for row in placed.plan.changes():
            for half, now, then in (
                ("live", row.live_before, row.live_after),
                ("config", row.config_before, row.config_after),
            ):
                if now != then:
                    yield placed.domain.name, row.label, half, str(now), str(then)
