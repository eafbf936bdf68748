"""A domain uses an image by whichever path it names it; a mount that hangs holds nobody up."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from tests.integration.ground import wait_until
from vconsole.features.storage.host import links
from vconsole.features.storage.host.images import work_on_image
from vconsole.features.storage.host.links import follow
from vconsole.features.storage.host.read import (
    find_volume,
    pool_of,
    read_users,
    why_in_use,
)
from vconsole.features.storage.model.images import ImageWork
from vconsole.features.storage.model.pool import (
    FindVolume,
    FoundVolume,
    Pool,
    ReadUsers,
    Volume,
    overlaps,
)
from vconsole.features.storage.model.users import Users
from vconsole.host.link import Link, open_link

pytest.importorskip("libvirt")
DISK = """<domain type='test'><name>web</name><memory>1024</memory><os><type>hvm</type></os>
<devices><disk type='file' device='disk'><source file='{path}'/>{base}
<target dev='vda' bus='virtio'/></disk></devices></domain>"""
BASE = "<backingStore type='file'><format type='raw'/><source file='{path}'/></backingStore>"
POOL = """<pool type='dir'><name>{name}</name><target><path>{path}</path></target></pool>"""
VOLUME = """<volume><name>{name}</name><capacity>1048576</capacity></volume>"""


@pytest.fixture
def link(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Link]:
    """A host of its own in libvirt's test driver, with the images of this machine.

    test:///default is one for all of a process: who has a domain there has it for everybody.
    """
    host = tmp_path_factory.mktemp("host") / "host.xml"
    host.write_text("<node/>")
    found = open_link(f"test://{host}", False, False)
    found.connection = replace(found.connection, local=True)
    yield found
    found.close()


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """An image, which ``link`` beside it leads to; ``other`` is a directory that is a link."""
    image = tmp_path / "real"
    image.write_bytes(b"")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "other").symlink_to(tmp_path, target_is_directory=True)
    return image


def start(link: Link, path: Path, base: str = "") -> None:
    link.conn.createXML(DISK.format(path=path, base=base), 0)


def volume(path: Path) -> Volume:
    return Volume(path.name, str(path), str(path))


@pytest.mark.parametrize("name", ["real", "link", "other/real", "other/link"])
def test_the_domain_names_a_link(link: Link, real: Path, name: str) -> None:
    start(link, real.parent / name)
    words = why_in_use(link, Pool("u", "p"), volume(real), "wipe")
    assert words == "real is in use: web (vda); not to wipe"


def test_a_chain_of_links_leads_to_its_end(link: Link, real: Path) -> None:
    (real.parent / "further").symlink_to(real.parent / "link")
    start(link, real.parent / "further")
    assert "web (vda)" in why_in_use(link, Pool("u", "p"), volume(real), "delete")


def test_a_chain_below_an_image_names_a_link(link: Link, real: Path) -> None:
    start(link, real.parent / "top", BASE.format(path=real.parent / "link"))
    words = why_in_use(link, Pool("u", "p"), volume(real), "delete")
    assert words == "real is in use: web (base of vda); not to delete"


def test_the_volume_is_a_link(link: Link, real: Path) -> None:
    found = volume_by_link(link, real)
    assert (found.volume.path, found.volume.leads_to) == (f"{real.parent}/other/real", str(real))
    start(link, real)
    assert "web (vda)" in why_in_use(link, found.pool, found.volume, "wipe")


def volume_by_link(link: Link, real: Path) -> FoundVolume:
    """The image as the volume of a pool whose directory is a link."""
    pool = link.conn.storagePoolCreateXML(POOL.format(name="p", path=real.parent / "other"), 0)
    pool.createXML(VOLUME.format(name="real"), 0)
    found = find_volume(link, FindVolume("p/real")).value
    assert isinstance(found, FoundVolume)
    return found


def test_a_domain_that_names_pool_and_volume_has_the_image_of_another_pool(
    link: Link, real: Path
) -> None:
    volume_by_link(link, real)
    pool = link.conn.storagePoolCreateXML(POOL.format(name="straight", path=real.parent), 0)
    pool.createXML(VOLUME.format(name="real"), 0)
    found = find_volume(link, FindVolume("straight/real")).value
    assert isinstance(found, FoundVolume)
    assert why_in_use(link, found.pool, found.volume, "wipe") == ""
    named = "<disk type='volume' device='disk'><source pool='p' volume='real'/>"
    plain = DISK.format(path="/x", base="")
    link.conn.createXML(
        plain.replace("<disk type='file' device='disk'><source file='/x'/>", named), 0
    )
    words = why_in_use(link, found.pool, found.volume, "wipe")
    assert words == "real is in use: web (vda); not to wipe"


def test_an_image_that_is_based_on_a_link_needs_what_it_leads_to(real: Path) -> None:
    base = volume(real)
    top = Volume("top", "/i/top", "/i/top", backing=f"{real}-link", backing_leads_to=str(real))
    assert top.is_based_on(base)
    assert not replace(top, backing_leads_to="").is_based_on(base)
    assert not volume(real).is_based_on(Volume("x", "", ""))
    assert replace(top, backing=str(real)).is_based_on(replace(base, path="/l", leads_to=str(real)))


def test_a_pool_that_is_a_link_has_the_domains_of_where_it_leads(link: Link, real: Path) -> None:
    volume_by_link(link, real)
    start(link, real)
    pool = pool_of(link, link.conn.storagePoolLookupByName("p"))
    users = read_users(link, ReadUsers()).value
    assert isinstance(users, Users)
    assert users.of_pool(pool) == ("web",)
    same = Pool("u2", "straight", target=str(real.parent))
    assert overlaps([pool, same])["u2"] == "p"


def test_nothing_of_another_machine_is_followed(link: Link, real: Path) -> None:
    link.connection = replace(link.connection, local=False)
    start(link, real.parent / "link")
    assert why_in_use(link, Pool("u", "p"), volume(real), "wipe") == ""


def test_qemu_img_writes_nothing_that_a_domain_has_by_another_name(link: Link, real: Path) -> None:
    for domain_names, we_name in (("link", "real"), ("real", "link")):
        path = str(real.parent / we_name)
        start(link, real.parent / domain_names)
        reply = work_on_image(link, ImageWork(path, "resize it", ("resize", path), (path,)))
        assert (reply.status, "web (vda)" in reply.message) == ("refused", True), reply
        link.conn.lookupByName("web").destroy()


# ---- what does not answer


@pytest.fixture
def dead(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Whatever lies in /dead hangs; what was looked at there."""
    gate, looked = Event(), list[str]()

    def hang(path: str) -> str:
        if path.startswith("/dead/"):
            looked.append(path)
            gate.wait(30)
        return os.path.realpath(path)

    monkeypatch.setattr(links, "_real", hang)
    monkeypatch.setattr(links, "ONE_S", 1.0)
    yield looked
    gate.set()
    wait_until(lambda: not links._hanging, "nothing hangs any more")


def test_a_mount_that_hangs_hides_only_itself(dead: list[str], real: Path) -> None:
    through = str(real.parent / "link")
    found = follow(("/dead/a", "/dead/b", through, "pool/name", "/dead/c"))
    assert found == {through: str(real)}
    follow(("/dead/a", "/dead/b"))
    assert dead == ["/dead/a"], "one thread hangs there, not more"


def test_nobody_can_say_that_an_image_is_free_while_another_is_not_known(
    link: Link, real: Path, dead: list[str]
) -> None:
    start(link, Path("/dead/web"))
    words = why_in_use(link, Pool("u", "p"), volume(real), "wipe")
    assert words == ("nobody can say whether real is in use: nothing answers where /dead/web lies")


def test_a_circle_of_links_and_a_path_that_is_none_are_themselves(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    found: Any = follow((str(tmp_path / "a"), "/nul\0", "/gone/nowhere", "relative"))
    assert {"/nul\0", "/gone/nowhere"} < set(found)
    assert "relative" not in found
    assert str(tmp_path / "a") in found
