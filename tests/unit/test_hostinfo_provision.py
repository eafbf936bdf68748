"""The serial clause: who has hostinfo, what is wrong, and the edits that change it."""

from __future__ import annotations

from textwrap import dedent, indent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vconsole.model import hostinfo_port as provision
from vconsole.model.hostinfo_port import HostinfoSerial, ProvisionError
from vconsole.model.xml_edit import XmlEditError, diff, escape_text


def domain(
    *devices: str, name: str = "web", kind: str = "kvm", os: str = "<type arch='x86_64'>hvm</type>"
) -> str:
    """An inactive definition as libvirt prints it."""
    inner = indent("".join(devices), "    ")
    return (
        f"<domain type='{kind}'>\n"
        f"  <name>{escape_text(name)}</name>\n"
        f"  <os>\n    {os}\n  </os>\n"
        "  <devices>\n"
        "    <emulator>/usr/bin/qemu</emulator>\n"
        f"{inner}"
        "    <memballoon model='none'/>\n"
        "  </devices>\n"
        "</domain>\n"
    )


def pty(port: int, target: str = "isa-serial") -> str:
    return f"<serial type='pty'>\n  <target type='{target}' port='{port}'/>\n</serial>\n"


def unix(path: str, port: int = 1, *, kind: str = "unix", mode: str = " mode='bind'") -> str:
    return dedent(f"""\
        <serial type='{kind}'>
          <source{mode} path='/var/lib/hostinfo/{path}'/>
          <target type='isa-serial' port='{port}'/>
        </serial>
        """)


CONSOLE = "<console type='pty'>\n  <target type='serial' port='0'/>\n</console>\n"


# --- what is there


@pytest.mark.parametrize(
    ("kind", "driver"),
    [("kvm", "qemu"), ("qemu", "qemu"), ("hvf", "qemu"), ("test", "test"), ("xen", "xen")],
)
def test_the_driver_is_that_of_the_connection(kind: str, driver: str) -> None:
    enabled = provision.enable(domain(kind=kind))
    assert provision.serials(enabled) == (
        HostinfoSerial(f"/var/lib/hostinfo/{driver}-web", 1, "unix", "bind"),
    )
    assert provision.status(enabled) == "enabled"
    assert provision.problems(enabled) == ()


@pytest.mark.parametrize(
    "device",
    [
        "",
        pty(0),
        "<serial type='unix'>\n  <source mode='bind' path='/var/lib/hostinfox/qemu-web'/>\n"
        "</serial>\n",
        "<channel type='unix'>\n  <source mode='bind' path='/var/lib/hostinfo/qemu-web'/>\n"
        "</channel>\n",
        "<serial type='null'/>\n",
    ],
)
def test_a_domain_without_the_clause_has_no_hostinfo(device: str) -> None:
    text = domain(device)
    assert provision.status(text) == "disabled"
    assert provision.problems(text) == ()
    for edit in (provision.disable, provision.repair):
        with pytest.raises(ProvisionError, match="not enabled"):
            edit(text)


@pytest.mark.parametrize(
    ("devices", "line"),
    [
        ([unix("qemu-web", 1), unix("qemu-web", 2)], "2 serial ports are for hostinfo"),
        ([unix("qemu-old", 2)], "serial port 2 is '/var/lib/hostinfo/qemu-old'"),
        ([unix("kvm-web")], "this domain's is '/var/lib/hostinfo/qemu-web'"),
        ([unix("../hostinfo/qemu-web")], "serial port 1 is"),
        ([unix("qemu-web/")], "serial port 1 is"),
        ([unix("qemu-web", mode=" mode='connect'")], "mode 'connect', not 'bind'"),
        ([unix("qemu-web", mode="")], "mode none, not 'bind'"),
        ([unix("qemu-web", kind="file", mode="")], "type 'file', not 'unix'"),
    ],
)
def test_a_wrong_clause_is_named_and_repaired(devices: list[str], line: str) -> None:
    text = domain(pty(0), *devices, CONSOLE)
    assert provision.status(text) == "wrong"
    assert line in provision.problems(text)[0]
    assert all("repair it" in problem for problem in provision.problems(text))
    with pytest.raises(ProvisionError) as refused:
        provision.enable(text)
    every = "; ".join(provision.problems(text))
    assert str(refused.value) == f"hostinfo is enabled, but wrong: {every}"
    repaired = provision.repair(text)
    assert provision.status(repaired) == "enabled"
    assert provision.serials(repaired)[0].port == provision.serials(text)[0].port
    assert len(provision.serials(repaired)) == 1


def test_a_domain_that_was_renamed_gets_its_path_and_nothing_else() -> None:
    text = domain(pty(0), unix("qemu-old", 3), name="new")
    assert diff(text, provision.repair(text))[3:5] == (
        "-      <source mode='bind' path='/var/lib/hostinfo/qemu-old'/>",
        "+      <source mode='bind' path='/var/lib/hostinfo/qemu-new'/>",
    )


def test_of_many_the_right_one_stays() -> None:
    right = unix("qemu-web", 3)
    text = domain(pty(0), unix("qemu-a", 1), right, unix("qemu-b", 2), CONSOLE)
    assert provision.repair(text) == domain(pty(0), right, CONSOLE)


def test_a_right_clause_is_not_touched_by_repair() -> None:
    source = '<source path="/var/lib/hostinfo/qemu-it\'s" mode="bind"/>'
    text = domain(f"<serial type='unix'>\n  {source}\n</serial>\n", name="it's")
    assert provision.repair(text) == text


# --- the edits


def test_enabling_adds_the_clause_behind_the_last_serial_port() -> None:
    text = domain(pty(0), CONSOLE)
    assert provision.enable(text) == domain(
        pty(0),
        dedent("""\
            <serial type='unix'>
              <source mode='bind' path='/var/lib/hostinfo/qemu-web'/>
              <target port='1'/>
            </serial>
            """),
        CONSOLE,
    )


@pytest.mark.parametrize(
    ("devices", "port"),
    [
        ([], 1),
        ([pty(0)], 1),
        ([pty(0), pty(1)], 2),
        ([pty(0), pty(2)], 1),
        ([pty(1), pty(0), pty(2)], 3),
        ([pty(0), pty(1, "pci-serial")], 1),
        ([pty(0), pty(1, "usb-serial"), pty(1)], 2),
        (["<serial type='pty'/>\n"], 1),
        (["<serial type='pty'>\n  <target port='١'/>\n</serial>\n"], 1),
    ],
)
def test_the_port_is_the_first_that_is_free_from_1_on(devices: list[str], port: int) -> None:
    enabled = provision.enable(domain(*devices))
    assert [serial.port for serial in provision.serials(enabled)] == [port]


def test_a_port_can_be_wished_for() -> None:
    text = domain(pty(0), pty(1))
    assert provision.serials(provision.enable(text, port=3))[0].port == 3
    for port, words in ((1, "no serial port is free of 1:"), (4, "no serial port 4"), (-1, "-1")):
        with pytest.raises(ProvisionError, match=words):
            provision.enable(text, port)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (domain(pty(0), unix("qemu-web", 2)), "enabled already, on serial port 2"),
        (domain(pty(0), pty(1), pty(2), pty(3)), "free of 1, 2, 3: remove one"),
        (domain(kind="lxc", os="<type arch='x86_64'>exe</type>"), "fully virtualized"),
        (domain(kind="xen", os="<type>xen</type>"), "fully virtualized"),
        (domain(os=""), "fully virtualized"),
        (domain(os="<type arch='aarch64'>hvm</type>"), "'aarch64' has no COM ports"),
        (domain(name="a/b"), "cannot be part of a file name: rename"),
        (domain(name=""), "cannot be part of a file name"),
        (domain(name="x" * 85), "socket path of 108 bytes, 107 are possible: rename"),
        (domain(name="é" * 43), "socket path of 109 bytes"),
        ("<domain/>", "'' cannot be part"),
    ],
)
def test_enabling_is_refused_with_the_reason(text: str, words: str) -> None:
    with pytest.raises(ProvisionError, match=words) as error:
        provision.enable(text)
    assert str(error.value).isprintable()


def test_the_longest_possible_name_is_enabled() -> None:
    assert provision.status(provision.enable(domain(name="x" * 84))) == "enabled"


def test_a_name_that_no_socket_can_have_is_a_problem_that_repair_does_not_cure() -> None:
    text = domain(unix("qemu-web"), name="x" * 200)
    assert provision.status(text) == "wrong"
    assert "rename the domain" in provision.problems(text)[0]
    with pytest.raises(ProvisionError, match="rename the domain"):
        provision.repair(text)
    assert provision.status(provision.disable(text)) == "disabled"


def test_expected_path() -> None:
    assert provision.expected_path("qemu", "..") == "/var/lib/hostinfo/qemu-.."
    assert provision.expected_path("test", "a b", directory="/run/x") == "/run/x/test-a b"
    with pytest.raises(ProvisionError, match="file name"):
        provision.expected_path("qemu", "a\0b")


def test_the_only_serial_port_is_the_console_too_and_goes_with_it() -> None:
    """libvirt would make a serial port of the console that stays behind."""
    console = unix("qemu-web").replace("<serial", "<console").replace("</serial", "</console")
    assert provision.status(domain(unix("qemu-web"), console)) == "enabled"
    assert provision.disable(domain(unix("qemu-web"), console)) == domain()


def test_disabling_removes_all_of_them() -> None:
    text = domain(unix("qemu-a"), pty(0), unix("qemu-web", 2), CONSOLE)
    assert provision.disable(text) == domain(pty(0), CONSOLE)


def test_a_caution_is_given_where_libvirt_moves_the_console() -> None:
    assert provision.caution(domain(pty(0), CONSOLE)) is None
    assert "--devname console1" in (provision.caution(domain()) or "")


def test_a_domain_without_devices_gets_them() -> None:
    text = (
        "<domain type='test'>\n  <name>a</name>\n  <os>\n    <type>hvm</type>\n  </os>\n</domain>"
    )
    assert provision.status(provision.enable(text)) == "enabled"


names = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn")), min_size=1)


@given(names, st.lists(st.sampled_from([pty(0), pty(1), pty(2, "pci-serial"), CONSOLE])))
def test_enabling_is_undone_by_disabling(name: str, devices: list[str]) -> None:
    text = domain(*devices, name=name)
    try:
        enabled = provision.enable(text)
    except ProvisionError:
        assert "/" in name or len(name.encode()) > 84
        return
    assert provision.status(enabled) == "enabled"
    assert provision.serials(enabled)[0].path == f"/var/lib/hostinfo/qemu-{name}"
    assert provision.disable(enabled) == text


@pytest.mark.parametrize("text", ["", "<domain>", "<!DOCTYPE domain><domain/>"])
def test_what_cannot_be_read_is_refused(text: str) -> None:
    for read in (provision.serials, provision.status, provision.problems, provision.caution):
        with pytest.raises(XmlEditError):
            read(text)
    for edit in (provision.enable, provision.disable, provision.repair):
        with pytest.raises(XmlEditError):
            edit(text)
