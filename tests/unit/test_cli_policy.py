"""Clock, power and USB policy from the command line, on libvirt's test driver."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.logs import outcomes
from tests.unit.test_cli_commands import answer, vconsole
from vconsole.changes.host_requests import HostRequests
from vconsole.features.policy.model.clock import set_clock
from vconsole.features.policy.model.draft import Draft, plan
from vconsole.features.policy.model.features import set_pmu, set_sleep
from vconsole.features.policy.model.redirfilter import add_rules, parse_rules
from vconsole.features.policy.model.rows import rows_of
from vconsole.features.policy.model.timers import add_timer, parse_timer
from vconsole.host.link import open_link
from vconsole.model.outcome import Target
from vconsole.model.proposal import Proposal, Propose, Subject

pytest.importorskip("libvirt")

UUID = "0b1d3c2a-6a51-4f0e-9a53-5d3a3d1f7c11"
DOMAIN = f"""<domain type='test'><name>web</name><uuid>{UUID}</uuid><memory>65536</memory>
<vcpu>1</vcpu><os><type>hvm</type></os>
<clock offset='variable' adjustment='3600' basis='utc'><timer name='hpet' present='no'/></clock>
<devices><controller type='usb' model='piix3-uhci'/>
<disk type='file' device='disk'><source file='/images/web'/><target dev='vda' bus='virtio'/></disk>
<redirdev bus='usb' type='tcp'><source mode='bind' host='127.0.0.1' service='4000'/></redirdev>
<redirfilter><usbdev class='0x08' allow='yes'/><usbdev allow='no'/></redirfilter>
</devices></domain>"""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "vconsole" / "activity.jsonl"


@pytest.fixture
def host(tmp_path: Path) -> str:
    file = tmp_path / "node.xml"
    file.write_text(f"<node>{DOMAIN}</node>")
    return f"test://{file}"


def difference(change: dict[str, Any]) -> list[str]:
    return [line.strip() for line in change["difference"] if line[0] in "+-"]


def planned(host: str, *words: str) -> list[str]:
    """The lines that a command would change."""
    (change,) = answer(*words, "--dry-run", uri=host)["changes"]
    assert (change["status"], change["when"]) == ("planned", "at the next start")
    assert change["virsh"] == ["virsh edit web"]
    return difference(change)


def test_without_options_it_shows_what_is_set(host: str) -> None:
    lines = vconsole("policy", "web", uri=host).stdout.splitlines()
    rows = [line.split() for line in lines]
    assert rows[0] == ["GROUP", "SETTING", "LIVE", "CONFIG", "NOTE"]
    assert ["Timer", "hpet", "present=no", "present=no"] in rows
    assert ["CPU", "PMU", "default", "default"] in rows
    assert ["USB", "rule", "2", "-1:-1:-1:-1:no", "-1:-1:-1:-1:no"] in rows
    assert "vda (virtio): answers no SMART" in lines


def test_as_json_each_setting_has_live_and_config(host: str) -> None:
    shown = answer("clock", "web", uri=host)
    assert shown["settings"][1] == {
        "setting": "adjustment",
        "live": "3600",
        "config": "3600",
        "note": "",
    }
    assert {row["setting"] for row in shown["settings"]} == {
        *("offset", "adjustment", "basis", "timer hpet")
    }
    assert [r["setting"] for r in answer("usb-filter", "web", uri=host)["settings"]] == [
        *("filter", "rule 1", "rule 2")
    ]


def test_clock_and_timers_are_set_together(host: str, state: Path) -> None:
    words = ("--offset", "timezone", "--timezone", "Europe/Paris", "--no-timer", "hpet")
    timers = ("--timer", "rtc,tickpolicy=catchup,track=guest", "--timer", "pit,tickpolicy=delay")
    assert planned(host, "clock", "web", *words, *timers) == [
        "-  <clock offset='variable' adjustment='3600' basis='utc'>",
        "-    <timer name='hpet' present='no'/>",
        "+  <clock offset='timezone' timezone='Europe/Paris'>",
        "+    <timer name='rtc' tickpolicy='catchup' track='guest'/>",
        "+    <timer name='pit' tickpolicy='delay'/>",
    ]
    assert not state.exists()


def test_power_and_counters_are_set_and_logged(host: str, state: Path) -> None:
    options = ("--pmu", "on", "--suspend-to-mem", "yes", "--suspend-to-disk", "no")
    (change,) = answer("policy", "web", *options, uri=host)["changes"]
    assert change["status"] == "applied"
    assert difference(change)[-4:] == [
        "+  <pm>",
        "+    <suspend-to-mem enabled='yes'/>",
        "+    <suspend-to-disk enabled='no'/>",
        "+  </pm>",
    ]
    (entry,) = outcomes(state)
    assert (entry["name"], entry["outcome"]) == ("web", "applied")
    assert entry["action"] == "change suspend-to-mem, suspend-to-disk, pmu"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("add", "-1:0x0951:-1:-1:no", "1"), ["+      <usbdev vendor='0x0951' allow='no'/>"]),
        (
            ("add", "0x03:any:any:any:yes|0x0E:any:any:any:no", "2"),
            [
                "+      <usbdev class='0x03' allow='yes'/>",
                "+      <usbdev class='0x0E' allow='no'/>",
            ],
        ),
        (
            ("set", "1", "0x08:0x0951:0x1625:2.0:yes"),
            [
                "-      <usbdev class='0x08' allow='yes'/>",
                "+      <usbdev class='0x08' allow='yes' vendor='0x0951' product='0x1625' "
                "version='2.00'/>",
            ],
        ),
        (("delete", "2"), ["-      <usbdev allow='no'/>"]),
        (("move", "2", "1"), ["+      <usbdev allow='no'/>", "-      <usbdev allow='no'/>"]),
    ],
)
def test_rules_are_edited(host: str, words: tuple[str, ...], expected: list[str]) -> None:
    assert planned(host, "usb-filter", "web", *words) == expected


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (("clock", "web", "--offset", "gmt"), 3, "web: offset 'gmt': write utc or"),
        (("clock", "web", "--offset", "timezone"), 3, "needs a timezone"),
        (("clock", "web", "--no-timer", "pit"), 3, "there is no timer pit"),
        (("clock", "web", "--timer", "pit,track=guest"), 3, "'track' does not go with pit"),
        (("clock", "web", "--timer", "hpet,present=no"), 3, "it is so already"),
        (("usb-filter", "web", "delete", "3"), 3, "rule '3': it has 2, counted from 1"),
        (("usb-filter", "web", "add", "8:-1:-1:-1:yes"), 3, "class '8': write 0x08"),
        (("usb-filter", "web", "move", "1"), 1, "write add RULE [BEFORE], set N RULE"),
        (("policy", "web", "--pmu", "maybe"), 2, "invalid choice: 'maybe'"),
        (("policy", "nobody"), 1, "no domain 'nobody'"),
        (("--read-only", "policy", "web", "--pmu", "on"), 3, "read-only"),
    ],
)
def test_what_is_wrong_is_named(host: str, words: tuple[str, ...], code: int, reason: str) -> None:
    done = vconsole(*words, uri=host)
    assert (done.returncode, reason in done.stdout + done.stderr) == (code, True), done


def test_libvirt_takes_what_is_edited() -> None:
    """As the console asks: planned from what is read, defined, and read back."""
    import libvirt

    conn = libvirt.open("test:///default")
    domain = conn.defineXML(DOMAIN)
    requests = HostRequests(lambda: open_link("test:///default", False, False))
    ask = requests.handlers()

    def edit(xml: str) -> str:
        xml = set_clock(set_sleep(set_pmu(xml, "off"), "suspend-to-disk", "no"), "offset", "utc")
        xml = add_timer(xml, parse_timer("rtc tickpolicy=catchup slew=120"))
        return add_rules(xml, 1, parse_rules("0x03:-1:-1:1.1:yes"))

    def planner(subject: Subject, target: Target) -> Proposal:
        return plan(edit, subject, target)

    found = ask[Propose](Propose(((UUID, "web"),), planner, ("config",))).value
    assert isinstance(found, tuple)
    (change,) = found[0].changes
    reply = ask[type(change)](change)
    assert (reply.status, reply.message.startswith("change ")) == ("applied", True)
    assert isinstance(reply.value, str)
    values = {row.setting.key: row.config for row in rows_of(None, Draft(reply.value))}
    assert values == {
        "offset": "utc",
        "adjustment": None,
        "timer hpet": "present=no",
        "timer rtc": "tickpolicy=catchup slew=120",
        "suspend-to-mem": None,
        "suspend-to-disk": "no",
        "pmu": "off",
        "filter": "3 rules",
        "rule 1": "0x08:-1:-1:-1:yes",
        "rule 2": "0x03:-1:-1:1.10:yes",
        "rule 3": "-1:-1:-1:-1:no",
        "smart": "1 virtual",
    }
    again = ask[type(change)](change)
    assert again.status == "conflict"
    assert "redefined by somebody else meanwhile" in again.message
    requests.close()
    domain.undefine()
