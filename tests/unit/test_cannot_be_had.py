"""What cannot be read, for the moment or for good, is never taken for nothing being there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.libvirt_errors import failure, libvirt
from vconsole.cli.main import main
from vconsole.features.network.host.network import read_host_network
from vconsole.features.network.model.places import ReadHostNetwork
from vconsole.features.storage.host.read import read_users
from vconsole.features.storage.model.pool import ReadUsers
from vconsole.host.libvirt_source import connect
from vconsole.host.open import connect_link
from vconsole.host.source import HostError, View

HOST = "test:///default"
LISTS = ("virConnect.getAllDomainStats", "virConnect.listAllDomains")
SAYS = "it says why"
Break = Callable[..., None]


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Break:
    """A way to have calls fail from now on: a code of libvirt, and their names."""

    def fail(code: str, *names: str) -> None:
        def fails(*_: object) -> None:
            raise failure(getattr(libvirt, f"VIR_ERR_{code}"), SAYS)

        for name in names:
            kind, call = name.split(".")
            monkeypatch.setattr(getattr(libvirt, kind), call, fails)

    return fail


def test_a_list_that_cannot_be_had_now_is_no_host_without_domains(broken: Break) -> None:
    source = connect(HOST)
    assert source.read(View()).domains
    broken("INTERNAL_ERROR", *LISTS)
    with pytest.raises(HostError, match=SAYS):
        source.read(View(now=True))
    source.close()


def test_one_that_is_refused_for_good_leaves_the_host_to_be_read(broken: Break) -> None:
    broken("ACCESS_DENIED", *LISTS)
    source = connect(HOST)
    host_state = source.read(View())
    assert (host_state.domains, host_state.unlisted, len(host_state.pcpus)) == ((), SAYS, 16)
    assert host_state.freshness.reason.startswith(f"domains cannot be listed: {SAYS}")
    source.close()


def test_what_else_is_refused_is_no_list_that_is(broken: Break) -> None:
    broken("ACCESS_DENIED", "virConnect.getAllDomainStats", "virConnect.getCapabilities")
    source = connect(HOST)
    host_state = source.read(View())
    assert [domain.name for domain in host_state.domains] == ["test"]
    assert host_state.unlisted == ""
    source.close()


@pytest.mark.parametrize(
    "words",
    [
        *("show domains", "show pins", "diff --all", "show domain test", "hostinfo show"),
        *("hostinfo status --all", "agent channel status --all"),
    ],
)
@pytest.mark.parametrize("code", ["ACCESS_DENIED", "INTERNAL_ERROR"])
def test_commands_say_that_there_is_no_list(
    broken: Break, capfd: pytest.CaptureFixture[str], code: str, words: str
) -> None:
    broken(code, *LISTS)
    assert main(["-c", HOST, *words.split()], words.split()[0]) == 1
    out, errors = capfd.readouterr()
    assert (out, SAYS in errors) == ("", True)


@pytest.mark.parametrize(
    ("words", "code"), [("show domains", 0), ("show domain test", 0), ("diff --all", 1)]
)
def test_commands_say_why_there_is_nothing_of_a_domain(
    broken: Break, capfd: pytest.CaptureFixture[str], words: str, code: int
) -> None:
    """And who asks whether domains differ does not hear that they do not."""
    broken("ACCESS_DENIED", "virDomain.XMLDesc")
    assert main(["-c", HOST, *words.split()], words.split()[0]) == code
    assert SAYS in capfd.readouterr().out


@pytest.mark.parametrize("words", ["diff test", "disk list test", "net list test", "vcpus test"])
def test_xml_of_no_sense_is_told_in_a_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], words: str
) -> None:
    monkeypatch.setattr(libvirt.virDomain, "XMLDesc", lambda *_: "<domain><name>te")
    assert main(["-c", HOST, *words.split()], words.split()[0]) == 1
    said = "".join(capfd.readouterr())
    assert "XML " in said
    assert "Error" not in said


def test_a_domain_that_does_not_run_was_not_left_unread() -> None:
    assert main(["--demo", "diff", "legacy-erp"], "diff") == 0


@pytest.mark.parametrize("name", ["virConnect.listAllNetworks", "virConnect.listAllInterfaces"])
def test_networks_that_cannot_be_had_now_are_not_no_networks(broken: Break, name: str) -> None:
    link: Any = connect_link(HOST)
    broken("INTERNAL_ERROR", name)
    with pytest.raises(libvirt.libvirtError, match=SAYS):
        read_host_network(link, ReadHostNetwork())
    link.close()


@pytest.mark.parametrize("code", ["ACCESS_DENIED", "INTERNAL_ERROR"])
def test_a_disk_may_be_that_of_a_snapshot_that_cannot_be_read(broken: Break, code: str) -> None:
    """A volume that only a snapshot needs would be free to be deleted."""
    link: Any = connect_link(HOST)
    broken(code, "virDomain.listAllSnapshots")
    assert SAYS in read_users(link, ReadUsers(snapshots=True)).message
    link.close()


def test_who_has_no_snapshots_at_all_has_none_that_could_be_missed(broken: Break) -> None:
    link: Any = connect_link(HOST)
    broken("NO_SUPPORT", "virDomain.listAllSnapshots")
    assert read_users(link, ReadUsers(snapshots=True)).message == ""
    link.close()
