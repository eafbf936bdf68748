"""Clock, power and USB policy: what is read, what is refused, and edits that touch nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vconsole.features.policy.model import clock, features, redirfilter, smart, timers
from vconsole.features.policy.model.draft import Draft, Edit, plan
from vconsole.features.policy.model.redirfilter import Rule, parse_rule, parse_rules, rules_of
from vconsole.features.policy.model.rows import Row, rows_of
from vconsole.features.policy.model.settings import next_choice, settings_of
from vconsole.features.policy.model.timers import parse_timer, timers_of
from vconsole.model.proposal import Subject
from vconsole.model.request import Define
from vconsole.model.xml_edit import Document, element

UUID = "6695eb01-f6a4-8304-79aa-97f2502e193f"


def domain(inner: str = "", devices: str = "", kind: str = "kvm") -> str:
    return (
        f"<domain type='{kind}'>\n  <name>web</name>\n  <uuid>{UUID}</uuid>\n"
        "  <os>\n    <type arch='x86_64'>hvm</type>\n  </os>\n"
        f"  {inner}\n  <on_crash>destroy</on_crash>\n"
        f"  <devices>\n    {devices}\n    <graphics type='vnc' passwd='secret'/>\n  </devices>\n"
        "</domain>\n"
    )


def with_clock(inner: str = "", attributes: str = "offset='utc'", kind: str = "kvm") -> str:
    return domain(f"<clock {attributes}>{inner}</clock>", kind=kind)


def with_rules(*rules: str, more: str = "<redirdev bus='usb' type='tcp'/>") -> str:
    inner = "".join(f"<usbdev {rule}/>" for rule in rules)
    return domain(devices=f"{more}<redirfilter>{inner}</redirfilter>")


def clock_said(xml: str) -> dict[str, str]:
    found = clock.clock_of(Document(xml))
    return {"offset": found.offset, **found.settings}


def timer_said(xml: str) -> list[str]:
    return [f"{timer.name} {timer.words}".strip() for timer in timers_of(Document(xml))]


def rules_said(xml: str) -> list[str]:
    return [str(rule) for rule in rules_of(Document(xml))]


# -- clock -------------------------------------------------------------------------------------


def test_a_clock_is_read() -> None:
    xml = with_clock(attributes="offset='variable' adjustment='-60' basis='utc' odd='1'")
    assert clock_said(xml) == {"offset": "variable", "adjustment": "-60", "basis": "utc"}
    assert clock_said(domain()) == {"offset": "utc"}


@pytest.mark.parametrize(
    ("before", "name", "value", "after"),
    [
        ("offset='utc'", "offset", "localtime", {"offset": "localtime"}),
        ("offset='utc'", "adjustment", "reset", {"offset": "utc", "adjustment": "reset"}),
        (
            "offset='utc' adjustment='reset'",
            "offset",
            "localtime",
            {"offset": "localtime", "adjustment": "reset"},
        ),
        ("offset='utc' adjustment='reset'", "offset", "variable", {"offset": "variable"}),
        ("offset='variable' adjustment='60' basis='utc'", "offset", "utc", {"offset": "utc"}),
        ("offset='variable'", "adjustment", "+0060", {"offset": "variable", "adjustment": "60"}),
        ("offset='variable' basis='utc'", "basis", "default", {"offset": "variable"}),
        (
            "offset='timezone' timezone='Europe/Paris'",
            "timezone",
            "Asia/Tokyo",
            {"offset": "timezone", "timezone": "Asia/Tokyo"},
        ),
        ("offset='absolute'", "start", "12345", {"offset": "absolute", "start": "12345"}),
    ],
)
def test_a_clock_is_set(before: str, name: str, value: str, after: dict[str, str]) -> None:
    assert clock_said(clock.set_clock(with_clock(attributes=before), name, value)) == after


@pytest.mark.parametrize(
    ("before", "name", "value", "reason"),
    [
        ("offset='utc'", "offset", "gmt", "'gmt': write utc or localtime or timezone or"),
        ("offset='utc'", "timezone", "Europe/Paris", "offset utc: set offset timezone"),
        ("offset='utc'", "adjustment", "3600", "with utc only reset; else set variable"),
        ("offset='timezone'", "adjustment", "1", "set offset utc or localtime or variable"),
        ("offset='timezone'", "timezone", "Europe/Nowhere", "no such zone in this machine's"),
        ("offset='timezone'", "timezone", "Europe", "no such zone in this machine's"),
        ("offset='timezone'", "timezone", "../../etc/passwd", "no such zone in this machine's"),
        ("offset='timezone'", "timezone", "Mars Base", "write a name such as Europe/Paris"),
        ("offset='variable'", "adjustment", "reset", "write seconds from -"),
        ("offset='variable'", "adjustment", "99999999999999999999", "write seconds from -"),
        ("offset='variable'", "basis", "gmt", "write utc or localtime"),
        ("offset='absolute'", "start", "-1", "write seconds from 0"),
        ("offset='absolute'", "start", "\u0661", "write seconds"),
    ],
)
def test_what_libvirt_would_refuse_or_misread_is_refused(
    before: str, name: str, value: str, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        clock.set_clock(with_clock(attributes=before), name, value)


@pytest.mark.parametrize("offset", ["timezone", "absolute"])
def test_an_offset_that_needs_more_is_not_complete(offset: str) -> None:
    xml = clock.set_clock(with_clock(), "offset", offset)
    problem = clock.clock_problem(Document(xml))
    assert problem
    assert f"offset {offset} needs a {problem[0]}" in problem[1]
    value = {"timezone": "Europe/Paris", "start": "0"}[problem[0]]
    assert clock.clock_problem(Document(clock.set_clock(xml, problem[0], value))) is None


def test_a_clock_that_is_not_there_is_made_where_libvirt_has_it() -> None:
    tags = [c.tag for c in Document(clock.set_clock(domain(), "offset", "localtime")).root.children]
    assert tags == ["name", "uuid", "os", "clock", "on_crash", "devices"]


# -- timers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("hpet", "hpet"),
        (" rtc  track=guest,tickpolicy=catchup ", "rtc tickpolicy=catchup track=guest"),
        ("tsc,frequency=03000000000,mode=native", "tsc frequency=3000000000 mode=native"),
        (
            "rtc tickpolicy=catchup limit=10000 slew=120 threshold=123",
            "rtc tickpolicy=catchup threshold=123 slew=120 limit=10000",
        ),
        ("kvmclock present=no", "kvmclock present=no"),
    ],
)
def test_a_timer_is_typed(typed: str, said: str) -> None:
    timer = parse_timer(typed)
    assert f"{timer.name} {timer.words}".strip() == said
    assert timer_said(timers.add_timer(with_clock(), timer)) == [said]


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("", "timer '': write platform or pit or"),
        ("clock", "timer 'clock': write platform or pit or"),
        ("pit track=guest", "'track' does not go with pit: it has present, tickpolicy"),
        ("rtc frequency=5", "'frequency' does not go with rtc"),
        ("hpet mode=native", "'mode' does not go with hpet"),
        ("kvmclock tickpolicy=delay", "'tickpolicy' does not go with kvmclock: it has present"),
        ("rtc track=host", "track 'host': write boot or guest or wall or realtime"),
        ("tsc frequency=0", "frequency '0': write a number from 1 to 18446744073709551615 Hz"),
        ("rtc tickpolicy=delay slew=1", "slew goes with tickpolicy=catchup only"),
        ("rtc limit=4294967296 tickpolicy=catchup", "limit '4294967296': write a number from 1"),
        ("hpet present", "'present': write present=VALUE, once"),
        ("hpet present=no present=yes", "'present=yes': write present=VALUE, once"),
    ],
)
def test_what_does_not_go_together_is_named_with_the_cure(typed: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_timer(typed)


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("platform", "QEMU has no timer platform"),
        ("rtc track=boot", "QEMU's rtc has no track boot: write guest or wall or realtime"),
        ("rtc tickpolicy=merge", "no tickpolicy merge: write delay or catchup"),
        ("pit tickpolicy=merge", "no tickpolicy merge: write delay or catchup or discard"),
        ("armvtimer", "armvtimer is of ARM guests, this is x86_64"),
    ],
)
def test_what_qemu_refuses_is_refused_for_qemu_only(typed: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        timers.add_timer(with_clock(), parse_timer(typed))
    assert timer_said(timers.add_timer(with_clock(kind="test"), parse_timer(typed))) == [typed]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("tsc frequency=5 mode=native", "QEMU takes no notice of mode"),
        ("rtc present=no tickpolicy=catchup slew=5", "QEMU takes no notice of present, slew"),
        ("hpet present=no", ""),
    ],
)
def test_what_qemu_does_not_heed_is_said(typed: str, words: str) -> None:
    timer = parse_timer(typed)
    assert timers.ignored(Document(with_clock()), timer) == words
    assert timers.ignored(Document(with_clock(kind="test")), timer) == ""


def test_a_timer_stands_behind_the_others_and_once() -> None:
    xml = with_clock("\n    <timer name='pit'/>\n  ")
    both = timers.add_timer(xml, parse_timer("hpet present=no"))
    assert "<timer name='pit'/>\n    <timer name='hpet' present='no'/>\n  </clock>" in both
    with pytest.raises(ValueError, match="there is a timer pit already: edit that one"):
        timers.add_timer(both, parse_timer("pit tickpolicy=delay"))
    assert timers.remove_timer(both, 1) == xml


def test_the_limits_of_catching_up_come_and_go_with_their_element() -> None:
    xml = with_clock("<timer name='rtc' tickpolicy='catchup'/>")
    limited = timers.set_timer(xml, 0, parse_timer("rtc tickpolicy=catchup slew=120"))
    assert "<catchup slew='120'/>" in limited
    other = timers.set_timer(limited, 0, parse_timer("rtc tickpolicy=catchup limit=9"))
    assert "<catchup limit='9'/>" in other
    without = timers.set_timer(other, 0, parse_timer("rtc"))
    assert "catchup" not in without
    assert timer_said(without) == ["rtc"]


# -- switches ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inner", "state"),
    [
        ("", None),
        ("<features/>", None),
        ("<features><pmu/></features>", "on"),
        ("<features><acpi/><pmu state='off'/></features>", "off"),
    ],
)
def test_the_counters_are_switched(inner: str, state: str | None) -> None:
    xml = domain(inner)
    assert features.pmu_of(Document(xml)) == state
    for wanted in ("on", "off", "default"):
        after = features.set_pmu(xml, wanted)
        assert features.pmu_of(Document(after)) == (None if wanted == "default" else wanted)
        assert ("<acpi/>" in after) == ("<acpi/>" in xml)
    with pytest.raises(ValueError, match="PMU 'yes': write on or off or default"):
        features.set_pmu(xml, "yes")


@pytest.mark.parametrize("name", features.SLEEPS)
def test_sleep_states_are_switched(name: str) -> None:
    (other,) = set(features.SLEEPS) - {name}
    for inner in ("", f"<pm><{other} enabled='no'/></pm>", f"<pm><{name}/></pm>", "<pm/>"):
        for wanted in ("yes", "no", "default"):
            before = features.sleep_of(Document(domain(inner)), other)
            after = Document(features.set_sleep(domain(inner), name, wanted))
            assert features.sleep_of(after, name) == (None if wanted == "default" else wanted)
            assert features.sleep_of(after, other) == before
    with pytest.raises(ValueError, match="write yes or no or default"):
        features.set_sleep(domain(), name, "maybe")


@pytest.mark.parametrize(
    ("inner", "kind", "words"),
    [
        ("<cpu mode='host-passthrough'/>", "kvm", ""),
        ("<cpu mode='custom'/>", "kvm", "set the CPU mode host-passthrough"),
        ("", "kvm", "set the CPU mode host-passthrough"),
        ("", "qemu", "need KVM"),
        ("", "test", ""),
    ],
)
def test_what_the_counters_lack_is_said(inner: str, kind: str, words: str) -> None:
    xml = features.set_pmu(domain(inner, kind=kind), "on")
    found = features.pmu_remark(Document(xml))
    assert words in found
    assert bool(words) == bool(found)
    assert features.pmu_remark(Document(domain(inner, kind=kind))) == ""


# -- USB redirection ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "said", "brief"),
    [
        ("0x08:0x1234:0xBEEF:2.0:yes", "0x08:0x1234:0xBEEF:2.00:yes", "yes 08:1234:BEEF:2.00"),
        ("-1:-1:-1:-1:0", "-1:-1:-1:-1:no", "no any"),
        ("any:0x951:any:0x0200:1", "-1:0x0951:-1:2.00:yes", "yes *:0951:*:2.00"),
        (" 0x8 : any : any : 1.1 : no ", "0x08:-1:-1:1.10:no", "no 08:*:*:1.10"),
        ("0x00:0x0000:0x0000:0.0:no", "0x00:0x0000:0x0000:0.00:no", "no 00:0000:0000:0.00"),
    ],
)
def test_a_rule_is_typed(typed: str, said: str, brief: str) -> None:
    rule = parse_rule(typed)
    assert (str(rule), rule.brief) == (said, brief)
    assert rules_said(redirfilter.add_rules(domain(), 0, (rule,))) == [said]


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("0x08:no", "2 fields, not 5: write class:vendor:product:version:allow, -1 for any"),
        ("8:-1:-1:-1:yes", "class '8': write 0x08 with at most 2 digits, or -1"),
        ("0x100:-1:-1:-1:yes", "class '0x100': write 0x08"),
        ("-1:0951:-1:-1:yes", "vendor '0951': write 0x0951 with at most 4 digits"),
        ("-1:-1:0x10000:-1:yes", "product '0x10000'"),
        ("-1:-1:-1:100.0:yes", "version '100.0': write as 2.00, up to 99.99, or -1"),
        ("-1:-1:-1:2:yes", "version '2': write as 2.00"),
        ("-1:-1:-1:-1:maybe", "allow 'maybe': write yes or no"),
        ("-1:-1:-1:-1:", "allow '': write yes or no"),
    ],
)
def test_what_is_no_rule_is_named_with_the_cure(typed: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_rule(typed)


def test_rules_are_read_as_libvirt_reads_them() -> None:
    xml = with_rules(
        "class='8' vendor='1234' product='010' version='1.1' allow='yes'",
        "allow='no'",
        "class='-1' version='2.56' allow='yes'",
    )
    assert rules_said(xml) == ["0x08:0x04D2:0x0008:1.10:yes", "-1:-1:-1:-1:no", "-1:-1:-1:2.56:yes"]


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("vendor='beef' allow='yes'", "vendor 'beef' is no number"),
        ("allow='perhaps'", "allow 'perhaps' is neither yes nor no"),
        ("version='x' allow='no'", "version 'x'"),
    ],
)
def test_a_rule_that_cannot_be_is_said(rule: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        rules_of(Document(with_rules(rule)))


STORAGE, HID, NONE = "0x08:-1:-1:-1:yes", "0x03:-1:-1:-1:yes", "-1:-1:-1:-1:no"


def listed(*rules: str) -> str:
    return redirfilter.add_rules(
        domain(devices="<redirdev bus='usb' type='tcp'/>"), 0, parse_rules("|".join(rules))
    )


def test_rules_have_an_order() -> None:
    xml = listed(STORAGE, NONE)
    assert rules_said(redirfilter.add_rules(xml, 1, parse_rules(HID))) == [STORAGE, HID, NONE]
    assert rules_said(redirfilter.add_rules(xml, 0, parse_rules(HID))) == [HID, STORAGE, NONE]
    three = listed(STORAGE, HID, NONE)
    assert rules_said(redirfilter.move_rule(three, 0, 2)) == [HID, NONE, STORAGE]
    assert rules_said(redirfilter.move_rule(three, 2, 0)) == [NONE, STORAGE, HID]
    assert redirfilter.move_rule(redirfilter.move_rule(three, 2, 0), 0, 2) == three


def test_with_the_last_rule_the_filter_goes() -> None:
    before = domain(devices="<redirdev bus='usb' type='tcp'/>")
    one = redirfilter.remove_rule(listed(STORAGE, NONE), 0)
    assert rules_said(one) == [NONE]
    assert redirfilter.remove_rule(one, 0) == before


def remarks(xml: str) -> str:
    return "\n".join(redirfilter.remarks(Document(xml)))


def test_rules_that_never_count_are_said() -> None:
    assert remarks(listed(STORAGE, NONE)) == ""
    assert remarks(listed(NONE, STORAGE)) == (
        "rule 2 is never reached: rule 1 fits all its devices"
    )
    assert remarks(listed(NONE)) == "no rule allows a device: none can be redirected"


def test_what_redirection_lacks_is_said() -> None:
    assert "no USB redirection device" in remarks(domain())
    assert "no SPICE graphics" in remarks(domain(devices="<redirdev bus='usb' type='spicevmc'/>"))
    none = "<controller type='usb' model='none'/><redirdev bus='usb' type='tcp'/>"
    assert remarks(domain(devices=none)).startswith("USB is switched off")


# -- SMART -------------------------------------------------------------------------------------


def told(*devices: str) -> str:
    return "\n".join(smart.advice(Document(domain(devices="".join(devices)))))


DISK = "<disk type='file' device='disk'><target dev='{}' bus='{}'/></disk>"


def test_smart_is_of_no_use_for_virtual_disks() -> None:
    words = told(DISK.format("vda", "virtio"), DISK.format("vdb", "virtio"))
    assert "nothing to watch here; in the guest: systemctl disable --now smartd" in words
    assert "vda, vdb (virtio): answers no SMART" in words
    assert "run smartd there" in words
    assert "always well" in told(DISK.format("sda", "sata"))


@pytest.mark.parametrize(
    "device",
    [
        "<disk type='block' device='lun'><target dev='sda' bus='scsi'/></disk>",
        "<hostdev mode='subsystem' type='scsi'/>",
        "<hostdev mode='subsystem' type='scsi_host'/>",
    ],
)
def test_smart_reaches_what_is_handed_through(device: str) -> None:
    words = told(device, DISK.format("vda", "virtio"))
    assert "SMART reaches the disk itself; keep smartd" in words
    assert "nothing to watch" not in words
    brief = smart.disks_of(Document(domain(devices=device + DISK.format("vda", "virtio")))).brief
    assert brief == "1 virtual, 1 passed"


def test_a_guest_without_disks_has_nothing_to_watch() -> None:
    cdrom = "<disk type='file' device='cdrom'><target dev='sda' bus='sata'/></disk>"
    assert told(cdrom, "<hostdev type='pci'/>") == "it has no disks: nothing to monitor"


# -- any definition: an edit touches its element only ------------------------------------------

noise = st.sampled_from(
    ["", "\n", "<!-- <clock/> -->", "<metadata><clock offset='x'/></metadata>", "<perf é='1'/>"]
)
timer_texts = st.sampled_from(
    [
        "rtc",
        "rtc tickpolicy=catchup track=guest",
        "rtc tickpolicy=catchup slew=1 limit=2",
        "rtc present=no tickpolicy=delay",
    ]
)
numbers = st.none() | st.integers(0, 0xFFFF)
versions = st.none() | st.builds(
    lambda a, b: int(f"{a:02}", 16) << 8 | int(f"{b:02}", 16),
    st.integers(0, 99),
    st.integers(0, 99),
)
rules = st.builds(Rule, st.none() | st.integers(0, 0xFF), numbers, numbers, versions, st.booleans())
Case = tuple[Edit, str, Callable[[str], bool]]
"""(edit, path of the one element it may change, whether it says now what was asked)."""


@st.composite
def definitions(draw: st.DrawFn) -> str:
    """Definitions with all that is edited, unknown attributes and children, and noise between."""

    def gap() -> str:
        return draw(noise)

    known = draw(st.lists(rules, min_size=1, max_size=4))
    usb = "".join(
        gap() + element("usbdev", {k: v for k, v in r.attributes().items() if v} | {"x": str(n)})
        for n, r in enumerate(known)
    )
    catchup = draw(st.sampled_from(["", "<catchup odd='1' slew='5'/>", "<catchup slew='5'/>"]))
    return (
        f"<domain type='kvm'>{gap()}<os><type arch='x86_64'>hvm</type></os>"
        f"<features>{gap()}<pmu odd='1' state='on'/><acpi/></features>{gap()}"
        f"<clock odd='1' offset='variable' adjustment='5'>{gap()}"
        f"<timer name='pit'/><timer odd='1' name='rtc' tickpolicy='catchup'>{catchup}</timer>"
        f"</clock>{gap()}<pm><suspend-to-mem odd='1' enabled='no'/>{gap()}</pm>"
        f"<devices>{gap()}<redirdev bus='usb' type='tcp'/>{gap()}"
        f"<redirfilter>{usb}</redirfilter>{gap()}</devices>{gap()}</domain>"
    )


@st.composite
def edits(draw: st.DrawFn) -> tuple[str, Case]:
    xml = draw(definitions())
    last = len(rules_of(Document(xml))) - 1
    number, to = draw(st.integers(0, last)), draw(st.integers(0, last))
    text, rule = draw(timer_texts), draw(rules)
    state = draw(st.sampled_from(["yes", "no", "default"]))
    switch = {"yes": "on", "no": "off"}.get(state, state)
    seconds = str(draw(st.integers(-clock.MAX_ADJUSTMENT_S, clock.MAX_ADJUSTMENT_S)))
    wanted = [str(r) for r in rules_of(Document(xml))]
    added, moved = list(wanted), list(wanted)
    added.insert(number, str(rule))
    moved.insert(to, moved.pop(number))
    cases: list[Case] = [
        (
            lambda x: clock.set_clock(x, "adjustment", seconds),
            "clock",
            lambda x: clock_said(x)["adjustment"] == seconds,
        ),
        (
            lambda x: timers.set_timer(x, 1, parse_timer(text)),
            "clock",
            lambda x: timer_said(x) == ["pit", text],
        ),
        (lambda x: timers.remove_timer(x, 0), "clock", lambda x: len(timer_said(x)) == 1),
        (
            lambda x: features.set_pmu(x, switch),
            "features",
            lambda x: features.pmu_of(Document(x)) == {"default": None}.get(switch, switch),
        ),
        (
            lambda x: features.set_sleep(x, "suspend-to-mem", state),
            "pm",
            lambda x: (
                features.sleep_of(Document(x), "suspend-to-mem")
                == {"default": None}.get(state, state)
            ),
        ),
        (
            lambda x: redirfilter.add_rules(x, number, (rule,)),
            "devices/redirfilter",
            lambda x: rules_said(x) == added,
        ),
        (
            lambda x: redirfilter.set_rule(x, number, rule),
            "devices/redirfilter",
            lambda x: rules_said(x) == [*wanted[:number], str(rule), *wanted[number + 1 :]],
        ),
        (
            lambda x: redirfilter.move_rule(x, number, to),
            "devices/redirfilter",
            lambda x: rules_said(x) == moved,
        ),
    ]
    return xml, draw(st.sampled_from(cases))


def outside(xml: str, path: str) -> tuple[str, str]:
    """What stands before and behind the element."""
    node = Document(xml).find(path)
    assert node is not None
    return xml[: node.start], xml[node.end :]


@given(edits())
def test_an_edit_says_what_was_asked_and_touches_nothing_outside(case: tuple[str, Case]) -> None:
    xml, (edit, path, holds) = case
    after = edit(xml)
    assert holds(after)
    assert outside(after, path) == outside(xml, path)
    assert after.count("odd='1'") >= xml.count("odd='1'") - 1  # one at most goes with its element


@given(definitions(), rules, timer_texts)
def test_what_is_not_known_of_an_element_stays(xml: str, rule: Rule, text: str) -> None:
    after = redirfilter.set_rule(timers.set_timer(xml, 1, parse_timer(text)), 0, rule)
    after = clock.set_clock(features.set_pmu(after, "off"), "offset", "utc")
    assert after.count("odd='1'") == xml.count("odd='1'")
    assert after.count(" x='") == xml.count(" x='")


@given(rules)
def test_a_rule_is_what_is_typed(rule: Rule) -> None:
    assert parse_rule(str(rule)) == rule


# -- rows and drafts ---------------------------------------------------------------------------

FULL = domain(
    "<features><pmu state='off'/></features>"
    "<clock offset='variable' adjustment='60'><timer name='rtc' tickpolicy='catchup'/></clock>",
    "<redirdev bus='usb' type='tcp'/><redirfilter><usbdev class='0x08' allow='yes'/></redirfilter>",
)


def by_key(rows: Iterable[Row]) -> dict[str, Row]:
    return {row.setting.key: row for row in rows}


def test_every_setting_is_a_row() -> None:
    rows = by_key(rows_of(None, Draft(FULL)))
    assert list(rows) == [
        *("offset", "adjustment", "basis", "timer rtc"),
        *("suspend-to-mem", "suspend-to-disk", "pmu", "filter", "rule 1", "smart"),
    ]
    assert [key for key, row in rows.items() if row.first] == [
        *("offset", "timer rtc", "suspend-to-mem", "pmu", "filter", "smart")
    ]
    values = {key: row.full(row.config) for key, row in rows.items()}
    assert values["timer rtc"] == "tickpolicy=catchup"
    assert values["suspend-to-mem"] == "default"
    assert values["filter"] == "1 rule"
    assert values["rule 1"] == "0x08:-1:-1:-1:yes"


def test_a_row_says_what_waits_for_the_next_start() -> None:
    live = FULL.replace("state='off'", "state='on'").replace("adjustment='60'", "adjustment='99'")
    rows = by_key(rows_of(live, Draft(FULL)))
    assert (rows["pmu"].note, rows["pmu"].waits) == ("next start", True)
    assert (rows["adjustment"].note, rows["adjustment"].waits) == ("as it runs", False)
    assert rows["offset"].note == ""
    running = by_key(rows_of(FULL, None))["pmu"]
    assert (running.halves, running.note) == (("off", None), "")


def test_what_only_runs_is_a_row_as_well() -> None:
    rows = by_key(rows_of(FULL, Draft(domain())))
    assert (rows["rule 1"].live, rows["rule 1"].config) == ("0x08:-1:-1:-1:yes", None)
    assert (rows["timer rtc"].full(None), rows["timer rtc"].note) == ("-", "next start")


def test_a_timer_twice_is_two_rows() -> None:
    xml = with_clock("<timer name='pit'/><timer name='hpet'/><timer name='pit' present='no'/>")
    document = Document(xml)
    settings = {s.key: s for s in settings_of(document)}
    assert settings["timer pit"].read(document) == ""
    assert settings["timer pit 2"].read(document) == "present=no"
    assert list(settings["timer pit 2"].remarks(document)) == [
        "pit is there already: libvirt goes by both, delete one"
    ]
    remove = settings["timer pit 2"].remove
    assert remove
    assert timer_said(remove(xml)) == ["pit", "hpet"]


def test_every_setting_that_has_choices_takes_each_of_them() -> None:
    for base in (FULL, clock.set_clock(FULL, "offset", "utc")):
        for setting in settings_of(Document(base)):
            if not setting.choices:
                continue
            assert setting.write
            xml = base
            for _ in setting.choices:
                value = next_choice(setting, setting.read(Document(xml)))
                xml = setting.write(xml, value)
                assert setting.read(Document(xml)) == (None if value == "default" else value)


def test_edits_are_collected_and_taken_back() -> None:
    draft = Draft(FULL)
    assert draft.edited(lambda xml: features.set_pmu(xml, "off")) is draft
    one = draft.edited(lambda xml: features.set_pmu(xml, "on"))
    two = one.edited(lambda xml: clock.set_clock(xml, "offset", "utc"))
    assert two.changed == ("offset", "adjustment", "pmu")
    assert two.unedited() == one
    rows = by_key(rows_of(None, two))
    assert (rows["pmu"].was, rows["pmu"].config, rows["pmu"].note) == ("off", "on", "edited")


def test_a_draft_becomes_one_change() -> None:
    draft = Draft(FULL).edited(lambda xml: features.set_pmu(xml, "on"))
    draft = draft.edited(lambda xml: redirfilter.remove_rule(xml, 0))
    proposal = draft.proposal(UUID, "web")
    (change,) = proposal.changes
    assert change == Define(UUID, "web", "change pmu, USB filter", FULL, draft.xml)
    assert change.when == "at the next start"
    assert any("CPU mode host-passthrough" in note for note in proposal.notes)


@pytest.mark.parametrize(
    ("config", "edit", "reason"),
    [
        (None, lambda xml: xml, "it is transient: it has no definition to edit"),
        (FULL, lambda xml: features.set_pmu(xml, "off"), "it is so already"),
        (FULL, lambda xml: clock.set_clock(xml, "offset", "timezone"), "needs a timezone"),
        (FULL, lambda xml: clock.set_clock(xml, "offset", "x"), "offset 'x'"),
        ("<domain", lambda xml: features.set_pmu(xml, "off"), "XML line 1"),
    ],
)
def test_what_cannot_be_planned_is_said(config: str | None, edit: Edit, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        plan(edit, Subject(UUID, "web", None, config), "config")


def test_passwords_are_kept_and_not_shown() -> None:
    proposal = plan(
        lambda xml: redirfilter.remove_rule(xml, 0), Subject(UUID, "web", None, FULL), "config"
    )
    (change,) = proposal.changes
    assert "passwd='secret'" in cast("Define", change).after
    assert "passwd='***'" in "\n".join(change.lines())
