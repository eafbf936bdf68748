"""Rows of memory and scheduling: read, planned, written, undone."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.model_hosts import MemoryHost
from vconsole.features.pins.cli import aimed
from vconsole.features.pins.model.compare import PCpus
from vconsole.features.pins.model.edit_settings import with_setting
from vconsole.features.pins.model.plan import PinPlan
from vconsole.features.pins.model.plan_json import PlanFileError, plan_from_json, plan_to_json
from vconsole.features.pins.model.setting_rows import SettingKey, setting_rows
from vconsole.features.pins.model.undo import undo_now
from vconsole.features.pins.model.warnings import plan_warnings
from vconsole.host.domain_settings import merge_settings
from vconsole.host.domain_xml import read_domain
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Cell, Domain, GuestCell, HostState, Node, PCpu, Pin
from vconsole.model.outcome import Target
from vconsole.model.pin_json import step_from_json, step_to_json
from vconsole.model.setting import (
    NUMBERED,
    NUMBERS,
    SETTING_KINDS,
    Setting,
    SettingKind,
    SettingRow,
    parse_setting,
    why_not_live,
)

UUID = "6695eb01-f6a4-8304-79aa-97f2502e193f"
XML = """<domain type='kvm'>
  <name>web</name>
  <memory unit='KiB'>2097152</memory>
  <vcpu placement='static' cpuset='4-7'>4</vcpu>
  <iothreads>1</iothreads>
  <cputune>
    <shares>2048</shares>
    <vcpupin vcpu='0' cpuset='4'/>
    <vcpusched vcpus='0-2' scheduler='fifo' priority='1'/>
  </cputune>
  <numatune>
    <memory mode='strict' nodeset='0-1'/>
    <memnode cellid='1' mode='preferred' nodeset='1'/>
  </numatune>
  <cpu>
    <numa>
      <cell id='0' cpus='0-1' memory='1048576' unit='KiB'/>
      <cell id='1' cpus='2-3' memory='1048576' unit='KiB'/>
    </numa>
  </cpu>
</domain>
"""
BOUND = "<numatune><memory mode='restrictive' nodeset='1'/></numatune></domain>"
BARE = "<domain type='kvm'>\n  <name>web</name>\n  <vcpu>4</vcpu>\n</domain>\n"


def s(kind: SettingKind, text: str = "") -> Setting:
    return parse_setting(kind, text)


def read(xml: str) -> dict[SettingKey, str]:
    return {key: value.text for key, value in read_domain(xml).settings.items()}


def domain(live: str | None = XML, config: str | None = XML) -> Domain:
    found = read_domain(live or config or BARE)
    parts = [read_domain(text).settings if text else None for text in (live, config)]
    pins = tuple(Pin(kind, n) for kind, n in found.pins)
    return Domain(
        UUID,
        "web",
        "running" if live else "shut off",
        detailed=True,
        persistent=config is not None,
        pins=pins,
        numatune=found.numatune,
        guest_cells=found.guest_cells,
        settings=merge_settings(*parts),
    )


HOST = HostState(
    cells=(Cell(0, 1 << 33, 1 << 32), Cell(1, 1 << 33, 1 << 32), Cell(2, 0, 0)),
    pcpus=tuple(PCpu(n, n // 4, online=n != 7) for n in range(8)),
)


def plan(found: Domain | None = None, **host: Any) -> PinPlan:
    return PinPlan.of(found or domain(), replace(HOST, **host))


def test_what_the_xml_says_is_read() -> None:
    expected: dict[SettingKey, str] = {
        ("vcpuset", None): "4-7",
        ("numatune", None): "strict 0-1",
        ("memnode", 1): "preferred 1",
        ("shares", None): "2048",
    }
    for number in range(3):
        expected["vcpusched", number] = "fifo 1"
    assert read(XML) == expected
    assert read(BARE) == {}


@pytest.mark.parametrize(
    "wrong",
    [
        "<numatune><memory mode='strict'/></numatune>",
        "<numatune><memory mode='a\u202eb' nodeset='0'/></numatune>",
        "<numatune><memory nodeset='9-1'/><memnode cellid='x' nodeset='0'/></numatune>",
        "<cputune><shares>many</shares><quota>99999999999999999999</quota></cputune>",
        "<cputune><vcpusched vcpus='0-16383' scheduler='other'/></cputune>",
        "<cputune><emulatorsched scheduler='fifo' priority='100'/></cputune>",
    ],
)
def test_what_makes_no_sense_is_left_out(wrong: str) -> None:
    assert read(BARE.replace("</domain>", f"{wrong}</domain>")) == {}


def test_the_number_of_rows_of_a_hostile_set_is_bounded() -> None:
    wide = "<cputune><vcpusched vcpus='0-16383' scheduler='batch'/></cputune>"
    assert len(read(BARE.replace("</domain>", f"{wide}</domain>"))) == 4096


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("numatune", "strict", "name the cells"),
        ("numatune", "firm 0", "a mode is needed"),
        ("memnode", "strict auto", "names its cells"),
        ("vcpusched", "fifo", "priority from 1 to 99"),
        ("vcpusched", "batch 3", "has no priority"),
        ("vcpusched", "deadline", "fifo 1, rr 1"),
        ("shares", "0", "a number from 1"),
        ("period", "١٠٠٠٠", "a number from 1000"),
        ("vcpuset", "7-4", "runs backwards"),
    ],
)
def test_what_is_typed_wrong_is_said(kind: SettingKind, text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_setting(kind, text)


def test_numbers_that_the_kernel_has_anyway_are_as_good_as_none() -> None:
    assert s("period", "100000").same(s("period"))
    assert s("quota", "-1").same(s("quota"))
    assert s("quota", "17592186044415").same(s("quota"))
    assert not s("quota", "50000").same(s("quota"))
    assert not s("numatune", "strict 0").same(s("numatune", "strict 1"))


# -- the plan ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "wanted", "reason"),
    [
        ("restrictive 0", "restrictive 3", ""),
        ("", "restrictive 3", ""),
        ("strict 0", "strict 3", "only restrictive cells change while it runs"),
        ("", "strict 3", "only restrictive cells change while it runs"),
        ("preferred 0", "preferred 1", "only restrictive cells change while it runs"),
        ("strict 0", "restrictive 3", "the mode stays strict while it runs"),
        ("restrictive 0", "", "a running domain keeps its memory policy"),
    ],
)
def test_memory_goes_live_as_libvirt_permits(seen: str, wanted: str, reason: str) -> None:
    """As libvirt 9.0 answered on a real host: modes other than restrictive only begin."""
    assert why_not_live(s("numatune", seen), s("numatune", wanted)) == reason


def test_memory_goes_into_the_definition_always() -> None:
    made = plan(domain(BARE, BARE)).set(("numatune", None), s("numatune", "restrictive 1"))
    (step,) = made.to_change().steps
    assert (str(step.live_after), str(step.config_after)) == ("restrictive 1", "restrictive 1")
    assert made.commands() == (
        "virsh numatune --domain web --mode restrictive --nodeset 1 --live --config",
    )
    assert "no undo live" in " ".join(w.text for w in plan_warnings(made, HOST))
    now = domain(BARE.replace("</domain>", BOUND), BARE.replace("</domain>", BOUND))
    undo = undo_now(made.to_change(), now, PCpus.of(HOST.pcpus))
    assert undo.conflicts == ("numatune: a running domain keeps its memory policy",)
    assert [(s.live_after, str(s.config_after)) for s in undo.change.steps] == [(None, "none")]


def test_a_mode_that_stays_live_is_changed_in_the_definition_and_said() -> None:
    made = plan().set(("numatune", None), s("numatune", "interleave 0-1"))
    (step,) = made.to_change().steps
    assert (step.live_after, str(step.config_after)) == (None, "interleave 0-1")
    said = [w.text for w in plan_warnings(made, HOST) if w.rows == (("numatune", None),)]
    assert said == ["numatune: from the next start on; the mode stays strict while it runs"]


def test_what_cannot_be_live_is_refused_for_live_alone() -> None:
    with pytest.raises(ValueError, match="no call for it: change the config"):
        plan().with_target("live").set(("memnode", 0), s("memnode", "strict 0"))


def test_a_transient_domain_says_what_it_cannot_have() -> None:
    with pytest.raises(ValueError, match="has no definition"):
        plan(domain(XML, None)).set(("vcpuset", None), s("vcpuset", "1"))


def test_auto_asks_numad_for_memory_too_and_is_refused_where_it_is_missing() -> None:
    off = domain(None, BARE)
    made = plan(off).set(("vcpuset", None), s("vcpuset", "auto"))
    rows = {row.label: str(row.config_after) for row in made.changes()}
    assert rows == {"default set": "auto", "numatune": "strict auto"}
    without = replace(HOST, node=Node(numad=False), domains=(off,))
    refused = [w for w in plan_warnings(made, without) if w.severity == "refuse"]
    assert len(refused) == 2
    assert "numad is not installed" in refused[0].text


@pytest.mark.parametrize(
    ("key", "text", "severity", "said"),
    [
        (("numatune", None), "strict 7", "refuse", "has no cell 7"),
        (("numatune", None), "strict 2", "refuse", "cell 2 has no memory"),
        (("numatune", None), "strict 1-2", "warn", "cell 2 has no memory"),
        (("vcpuset", None), "4-9", "refuse", "names pCPUs 8, 9, not on this host"),
        (("vcpuset", None), "6-7", "refuse", "names pCPU 7, offline"),
        (("vcpusched", 3), "rr 9", "warn", "can starve them"),
    ],
)
def test_what_the_host_has_not_got_is_said(
    key: SettingKey, text: str, severity: str, said: str
) -> None:
    made = plan().set(key, s(key[0], text))
    found = [w for w in plan_warnings(made, HOST) if key in w.rows and said in w.text]
    assert [w.severity for w in found] == [severity]


def test_a_driver_that_keeps_one_set_of_pins_has_its_definition_changed() -> None:
    one = replace(HOST.connection, split_pins=False)
    made = plan(connection=one).set(("shares", None), s("shares", "512"))
    (step,) = made.to_change().steps
    assert (step.live_after, str(step.config_after)) == (None, "512")


def test_a_row_that_somebody_changed_is_reported_and_kept() -> None:
    made = plan().set(("shares", None), s("shares", "512"))
    theirs = XML.replace("2048", "1000")
    found = made.rebase((), settings=setting_rows(domain(theirs, theirs)))
    assert [c.text for c in found.conflicts] == ["shares was 2048 and is now 1000"]
    assert found.plan.wanted == {("shares", None): s("shares", "512")}
    mine = XML.replace("2048", "512")
    assert not made.rebase((), settings=setting_rows(domain(mine, mine))).plan.begun


def test_a_plan_file_keeps_the_rows_and_names_what_is_wrong() -> None:
    made = plan().set(("memnode", 0), s("memnode", "strict 0"))
    again = plan_from_json(plan_to_json(made))
    assert again.to_change() == made.to_change()
    for before, after, said in (
        ('"strict 0"', '"firm"', r"settings\[0\].wanted: a mode"),
        ('"memnode"', '"memory"', r"settings\[0\].kind"),
    ):
        with pytest.raises(PlanFileError, match=said):
            plan_from_json(plan_to_json(made).replace(before, after))


# -- algebra ----------------------------------------------------------------------------------

nodesets = st.sets(st.integers(0, 3), min_size=1).map(lambda cells: str(CpuSet.of(cells)))
tunes = st.tuples(st.sampled_from(("strict", "interleave", "restrictive")), nodesets)
policies = st.sampled_from(("", "fifo 1", "rr 99", "batch", "idle"))


def values(kind: SettingKind) -> st.SearchStrategy[Setting]:
    """Any value of a row, none among them."""
    texts: st.SearchStrategy[str]
    if kind == "vcpuset":
        texts = st.one_of(st.just(""), st.just("auto"), nodesets)
    elif kind in ("numatune", "memnode"):
        texts = st.one_of(st.just(""), tunes.map(" ".join))
    elif kind in NUMBERS:
        low, high = NUMBERS[kind]
        texts = st.one_of(st.just(""), st.integers(low, high).map(str))
    else:
        texts = policies
    return texts.map(lambda text: parse_setting(kind, text))


rows = st.sampled_from([row.key for row in setting_rows(domain())]).flatmap(
    lambda key: values(key[0]).map(lambda value: (key, value))
)
TARGETS: tuple[Target, ...] = ("both", "live", "config")


@given(st.lists(rows, max_size=8), st.sampled_from(TARGETS))
def test_apply_then_undo_is_exactly_as_before(
    wanted: list[tuple[SettingKey, Setting]], target: Target
) -> None:
    base = setting_rows(domain())
    made = plan().with_target(target)
    for key, value in wanted:
        try:
            made = made.set(key, value)
        except ValueError:
            continue
    host = MemoryHost.of(base)
    change = made.to_change()
    assert host.apply(change).status == "applied"
    now = replace(domain(), settings=host.settings)
    undo = undo_now(change, now, PCpus.of(HOST.pcpus))
    assert undo.conflicts == ()
    assert host.apply(change.reversed()).status == "applied"
    assert host.settings == base
    assert [step_from_json(step_to_json(step)) for step in change.steps] == list(change.steps)


@given(st.lists(rows, max_size=8))
def test_a_definition_says_what_was_written_and_undo_gives_back_what_it_said(
    wanted: list[tuple[SettingKey, Setting]],
) -> None:
    for before in (XML, BARE):
        text = before
        told = read(before)
        for (kind, number), value in wanted:
            text = with_setting(text, kind, number, value)
            told[kind, number] = value.text
        assert read(text) == {key: value for key, value in told.items() if value}
        for (kind, number), _ in wanted:
            was = read(before).get((kind, number), "")
            text = with_setting(text, kind, number, s(kind, was))
        assert read(text) == read(before)


def test_what_is_taken_away_leaves_nothing_behind() -> None:
    """Not even an empty parent: the next reader would take it for a decision."""
    for kind in SETTING_KINDS:
        number = 0 if kind in NUMBERED else None
        sample = {"vcpuset": "1", "numatune": "strict 0", "memnode": "strict 0"}.get(kind, "idle")
        value = s(kind, "2000" if kind in NUMBERS else sample)
        text = with_setting(BARE, kind, number, value)
        assert read(text) == {(kind, number): value.text}
        assert with_setting(text, kind, number, Setting(kind)) == BARE


def test_a_thread_leaves_its_policy_and_comes_back_to_it_to_the_letter() -> None:
    away = with_setting(XML, "vcpusched", 0, s("vcpusched", "batch"))
    assert "vcpus='1-2' scheduler='fifo'" in away
    assert with_setting(away, "vcpusched", 0, s("vcpusched", "fifo 1")) == XML


def test_halves_that_are_named_are_both_there_or_nothing_is_planned() -> None:
    shut_off = plan(domain(live=None))
    assert aimed(shut_off, Namespace(live=False, config=False)).target == "config"
    assert aimed(plan(), Namespace(live=True, config=True)).target == "both"
    with pytest.raises(ValueError, match="cannot apply to"):
        aimed(shut_off, Namespace(live=True, config=True))


def test_guest_cells_and_rows_without_a_word_are_rows_too() -> None:
    found = replace(domain(None, BARE), guest_cells=(GuestCell(0), GuestCell(5)))
    keys = [row.key for row in setting_rows(found)]
    assert [key for key in keys if key[0] == "memnode"] == [("memnode", 0), ("memnode", 5)]
    assert SettingRow("vcpusched", 3, None, Setting("vcpusched")) in setting_rows(found)
    assert setting_rows(replace(found, detailed=False)) == ()
