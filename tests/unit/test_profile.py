"""Profiles: text that people read, what differs from now, and the plan that brings it back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from tests.unit.model_hosts import MemoryHost, c, domain, host, hosts, uuid_of, vcpu
from tests.unit.test_cli_commands import vconsole
from vconsole.features.pins import profile_files
from vconsole.features.pins.model.profile import (
    ProfileError,
    differences,
    from_text,
    plan_of,
    profile_of,
    to_text,
)
from vconsole.features.pins.profile_words import in_lines, row_words
from vconsole.model.host_state import Domain, HostState

WEB = domain("web", ["0", "1"], emulator="2-3", iothreads=["-"])


def moved(host_state: HostState, name: str, cpuset: str) -> HostState:
    """All vCPUs of a domain are somewhere else."""
    domains = (
        replace(
            d,
            pins=tuple(
                replace(p, live=p.live and c(cpuset), config=c(cpuset)) if p.kind == "vcpu" else p
                for p in d.pins
            ),
        )
        if d.name == name
        else d
        for d in host_state.domains
    )
    return replace(host_state, domains=tuple(domains))


def test_the_text_names_domain_and_rows_in_words() -> None:
    text = to_text(profile_of("night", [WEB], host(WEB)))
    assert '[domain."web"]' in text
    assert f'uuid = "{uuid_of("web")}"' in text
    assert '"vcpu 1" = "1"' in text
    assert 'emulator = "2-3"' in text
    assert '"iothread 1" = "all"' in text


def test_text_that_is_read_is_the_profile_that_was_written() -> None:
    hostile = domain('a"b]\n[x]\x7f\u202e', ["0"])
    profile = profile_of("n", [WEB, hostile], host(WEB, hostile))
    again = from_text("n", to_text(profile))
    assert sorted(again.placements, key=lambda p: p.name) == sorted(
        profile.placements, key=lambda p: p.name
    )
    assert to_text(again) == to_text(profile)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[domain", "profile p: "),
        ("domain = 3", "a table for each domain"),
        ('[domain.web]\n"cpu 0" = "1"', "web: cpu 0: no such row"),
        ('[domain.web]\n"vcpu x" = "1"', "web: vcpu x: no such row"),
        ("[domain.web]\nemulator = 3", "web: emulator: text is needed"),
        ("other = 3", "other: no such field"),
    ],
)
def test_what_is_no_profile_says_where(text: str, said: str) -> None:
    with pytest.raises(ProfileError, match="profile p: ") as found:
        from_text("p", text)
    assert said in str(found.value)


def test_what_is_as_saved_makes_no_plan() -> None:
    assert not plan_of(profile_of("n", [WEB], host(WEB)), host(WEB)).changes


def test_differences_are_a_plan_and_lines() -> None:
    profile = profile_of("n", [WEB], host(WEB))
    many = plan_of(profile, moved(host(WEB), "web", "7"))
    assert [change.name for change in many.changes] == ["web"]
    assert ("web", "vCPU 1", "live", "7", "1") in list(differences(many))


def test_a_domain_made_anew_is_found_by_its_name_and_one_that_is_gone_left_out() -> None:
    profile = profile_of("n", [WEB], host(WEB))
    anew = replace(moved(host(WEB), "web", "7").domains[0], uuid="0" * 32)
    assert plan_of(profile, host(anew)).changes[0].uuid == "0" * 32
    assert plan_of(profile, host()).left_out == (("web", "this host has no such domain"),)


def test_rows_that_a_domain_has_no_more_are_passed_over_and_said() -> None:
    profile = profile_of("n", [WEB], host(WEB))
    smaller = replace(WEB, pins=WEB.pins[1:])
    (placed,) = plan_of(profile, host(smaller)).placed
    assert placed.reasons == ("passed over: vCPU 0 is no row of 'web'",)


def test_pcpus_that_the_host_has_not_are_refused() -> None:
    profile = from_text("n", '[domain.web]\n"vcpu 0" = "99"')
    many = plan_of(profile, host(WEB))
    assert many.refused


def test_a_row_that_is_not_named_stays() -> None:
    many = plan_of(from_text("n", '[domain.web]\n"vcpu 0" = "5"'), host(WEB))
    (change,) = many.changes
    assert [step.key for step in change.steps] == [vcpu(0)]


@settings(max_examples=60, deadline=None)
@given(hosts())
def test_any_placement_is_brought_back(made: tuple[HostState, Domain]) -> None:
    host_state, asked = made
    profile = from_text("n", to_text(profile_of("n", host_state.domains, host_state)))
    elsewhere = moved(host_state, asked.name, str(host_state.all_pcpus.first))
    many = plan_of(profile, elsewhere)
    for change in many.changes:
        libvirt = MemoryHost.of(next(d for d in elsewhere.domains if d.uuid == change.uuid).pins)
        assert libvirt.apply(change).status == "applied"
        before = next(d for d in host_state.domains if d.uuid == change.uuid)
        online = host_state.online_pcpus
        for pin, then in zip(before.pins, libvirt.base, strict=True):
            same = pin.now == then.now
            assert same or (pin.now is not None and then.now is not None and online <= then.now)


# -- files and the command ------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def test_a_profile_is_a_plain_file_and_not_replaced_unless_asked() -> None:
    profile = profile_of("night", [WEB], host(WEB))
    path = profile_files.store(profile)
    assert path.name == "night.toml"
    assert profile_files.names() == ["night"]
    assert profile_files.load("night").placements == profile.placements
    with pytest.raises(ProfileError, match="is there already"):
        profile_files.store(profile)
    profile_files.store(profile, replace=True)


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "x" * 65])
def test_a_name_is_no_path(name: str) -> None:
    with pytest.raises(ProfileError, match="is no name"):
        profile_files.load(name)


def test_a_broken_profile_is_listed_with_the_reason() -> None:
    path = profile_files.store(profile_of("night", [WEB], host(WEB)))
    path.write_text("[domain")
    ((name, profile, problem),) = map(profile_files.loaded, profile_files.names())
    assert (name, profile) == ("night", None)
    assert "night" in problem


def test_the_command_saves_lists_compares_and_applies() -> None:
    assert vconsole("profile", "save", "one").returncode == 0
    assert vconsole("profile", "save", "one").returncode == 1
    assert "test" in vconsole("profile", "list").stdout
    assert vconsole("profile", "diff", "one").returncode == 0
    path = profile_files.directory() / "one.toml"
    path.write_text(path.read_text().replace('"vcpu 0" = "all"', '"vcpu 0" = "3"'))
    done = vconsole("profile", "diff", "one")
    assert done.returncode == 1
    assert done.stdout.splitlines()[1].split() == ["test", "vCPU", "0", "live", "0-15", "3"]
    assert "applied" not in vconsole("profile", "apply", "one", "--dry-run").stdout
    assert "test: applied: vCPU 0 live 3" in vconsole("profile", "apply", "one").stdout


def test_what_a_profile_has_not_is_said() -> None:
    assert vconsole("profile", "save", "one").returncode == 0
    assert "has no domain 'x', 'y'" in vconsole("profile", "apply", "one", "x", "y").stderr
    assert "there is no profile two" in vconsole("profile", "diff", "two").stderr


def test_rows_that_say_the_same_stand_together_and_none_is_broken_between_lines() -> None:
    """At 80 columns the text of a row stood in the next line."""
    text = "".join(f'"vcpu {n}" = "{n + 8}"\n' for n in (2, 3)) + 'numatune = "none"\n'
    text = f'[domain.web]\n"vcpu 0" = "all"\n"vcpu 1" = "all"\nemulator = "all"\n{text}'
    words = row_words(from_text("n", text).placements[0])
    assert words == ["vCPU 0, 1, emulator: all", "vCPU 2: 10", "vCPU 3: 11", "numatune: none"]
    assert list(in_lines(words, 36)) == [
        "vCPU 0, 1, emulator: all",
        "vCPU 2: 10   vCPU 3: 11",
        words[3],
    ]
    assert list(in_lines(words, 5)) == words
    assert list(in_lines((), 80)) == []
