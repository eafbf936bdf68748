"""Everything that is read from libvirt and /proc: right, and harmless where it is wrong."""

from __future__ import annotations

import errno
import os
import re
from operator import is_
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vconsole.host import detail, errors, proc, uri, virt_check
from vconsole.host.capabilities import read_capabilities, synthetic, with_cpu_map
from vconsole.host.domain_xml import (
    merge,
    read_devices,
    read_displays,
    read_domain,
    same_configuration,
)
from vconsole.host.local_usage import LocalUsage
from vconsole.host.locality import LocalityReader
from vconsole.host.numa_maps import parse_numa_maps, read_numa_maps
from vconsole.host.proc import Guest, find_guests
from vconsole.host.source import View
from vconsole.host.usage import BulkUsage
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Connection, Domain, Locality, Pin
from vconsole.model.xml_read import MAX_CHARS, XmlError

ALL = CpuSet.parse("0-15")
BOMB = (
    '<!DOCTYPE domain [<!ENTITY a "aaaaaaaaaa">'
    + "".join(
        f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    + "]><domain><title>&i;</title></domain>"
)


def domain(inner: str) -> str:
    return f"<domain type='kvm' id='3'>\n<name>x</name>{inner}<devices></devices></domain>"


# -- domain XML --------------------------------------------------------------------------------


def test_rows_without_a_pin_follow_the_default_and_then_everything() -> None:
    live = read_domain(
        domain("<vcpu cpuset='0-3'>2</vcpu><cputune><vcpupin vcpu='1' cpuset='5'/></cputune>")
    )
    config = read_domain(domain("<vcpu>2</vcpu>"))
    rows = [(p.kind, p.id, str(p.live), str(p.config)) for p in merge(live, config, ALL)]
    assert rows == [
        ("vcpu", 0, "0-3", "0-15"),
        ("vcpu", 1, "5", "0-15"),
        ("emulator", None, "0-3", "0-15"),
    ]


def test_single_vcpus_may_be_missing_from_the_middle() -> None:
    text = domain(
        "<vcpu current='2'>3</vcpu><vcpus><vcpu id='0' enabled='yes'/>"
        "<vcpu id='1' enabled='no'/><vcpu id='2' enabled='yes'/></vcpus>"
    )
    found = read_domain(text)
    assert [key for key in found.pins if key[0] == "vcpu"] == [("vcpu", n) for n in range(3)]
    assert found.unplugged == {("vcpu", 1)}
    assert [pin.plugged for pin in merge(None, found, ALL)] == [True, False, True, True]


def test_iothreads_have_the_ids_that_are_given_and_then_the_lowest_free() -> None:
    text = domain(
        "<vcpu>1</vcpu><iothreads>3</iothreads><iothreadids><iothread id='2'/></iothreadids>"
    )
    assert [n for kind, n in read_domain(text).pins if kind == "iothread"] == [1, 2, 3]


def test_memory_hugepages_topology_and_numatune() -> None:
    found = read_domain(
        domain(
            "<memory unit='GiB'>4</memory><currentMemory unit='MiB'>512</currentMemory>"
            "<memoryBacking><hugepages><page size='1' unit='G'/></hugepages></memoryBacking>"
            "<numatune><memory mode='preferred' nodeset='0,2'/></numatune>"
            "<cpu><topology sockets='1' cores='2' threads='2'/></cpu>"
        )
    )
    assert (found.memory_bytes, found.max_memory_bytes) == (512 << 20, 4 << 30)
    assert found.hugepages_kib == 1 << 20
    assert found.topology == (1, 2, 2)
    assert found.numatune is not None
    assert str(found.numatune.nodeset) == "0,2"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no xml",
        "<domain>",
        "<other/>",
        "<domain>\x00</domain>",
        "<domain>\udc9b</domain>",
        BOMB,
        "<domain>" + "x" * MAX_CHARS + "</domain>",
    ],
)
def test_xml_that_cannot_be_read_is_a_problem_and_nothing_worse(text: str) -> None:
    with pytest.raises(XmlError):
        read_domain(text)
    with pytest.raises(XmlError):
        read_devices(text)


def test_deep_nesting_does_not_end_the_process() -> None:
    text = "<domain>" + "<a>" * 100_000 + "</a>" * 100_000 + "</domain>"
    assert read_domain(text).vcpus is None


@pytest.mark.parametrize("text", ["-1", "99999999999999999999", "a", "٣", "", " ", "1.5"])
def test_numbers_that_are_none_are_left_out(text: str) -> None:
    found = read_domain(domain(f"<vcpu>{text}</vcpu><memory>{text}</memory>"))
    assert found.vcpus is None
    assert found.memory_bytes is None


def test_a_hostile_count_is_bounded() -> None:
    found = read_domain(domain("<vcpu>999999999</vcpu><iothreads>999999999</iothreads>"))
    assert len(found.pins) < 10_000


def test_texts_that_differ_in_a_pin_are_not_the_same_whatever_the_metadata() -> None:
    fake = "<metadata><devices></devices></metadata>"
    one = domain(f"{fake}<cputune><vcpupin vcpu='0' cpuset='1'/></cputune>")
    other = domain(f"{fake}<cputune><vcpupin vcpu='0' cpuset='2'/></cputune>")
    assert not same_configuration(one, other)
    assert same_configuration(one, one.replace("id='3'", ""))


def test_a_device_is_one_line() -> None:
    text = (
        "<domain><devices><emulator>/q</emulator><disk type='file' device='cdrom'>"
        "<source file='/iso'/><target dev='sda' bus='sata'/><readonly/></disk></devices></domain>"
    )
    (device,) = read_devices(text)
    assert (device.kind, device.target) == ("cdrom", "sda")
    assert device.description == "/iso, sata, type file, read-only"


# -- capabilities ------------------------------------------------------------------------------

CAPABILITIES = """<capabilities><host><topology><cells num='3'>
<cell id='8'><memory unit='KiB'>1024</memory><cpus num='0'/></cell>
<cell id='0'><memory unit='KiB'>2048</memory><pages unit='KiB' size='4'>1</pages>
<pages unit='KiB' size='2048'>12</pages>
<distances><sibling id='0' value='10'/><sibling id='8' value='21'/></distances>
<cpus num='2'><cpu id='4' socket_id='0' die_id='0' core_id='1' siblings='4,6'/>
<cpu id='6' socket_id='0' die_id='0' core_id='1' siblings='4,6'/></cpus></cell>
<cell id='3'><cpus num='1'><cpu id='9'/></cpus></cell>
<cell id='x'/></cells></topology></host></capabilities>"""


def test_gaps_cells_without_memory_and_cells_without_pcpus() -> None:
    shape = read_capabilities(CAPABILITIES)
    assert [(c.id, c.total_bytes, c.pcpus) for c in shape.cells] == [
        (0, 2 << 20, (4, 6)),
        (3, 0, (9,)),
        (8, 1 << 20, ()),
    ]
    assert shape.cells[0].distances == {0: 10, 8: 21}
    assert [(p.size_kib, p.total) for p in shape.cells[0].pages] == [(2048, 12)]
    assert shape.pcpus[0].siblings == CpuSet.of([4, 6])
    assert shape.pcpus[2].core is None


def test_a_host_without_cells_gets_one() -> None:
    assert read_capabilities("<capabilities><host/></capabilities>").cells == ()
    shape = synthetic(4, 1 << 30)
    assert [c.pcpus for c in shape.cells] == [(0, 1, 2, 3)]
    assert len(synthetic(1 << 30, None).pcpus) <= 16384


def test_online_is_yes_no_or_not_known() -> None:
    shape, present = synthetic(2, None), CpuSet.of(range(2))
    assert [p.online for p in with_cpu_map(shape, present, CpuSet.of([1])).pcpus] == [False, True]
    assert [p.online for p in with_cpu_map(shape, present, None).pcpus] == [None, None]


def test_memory_that_no_cell_has_is_not_known_and_core_numbers_may_be_large() -> None:
    text = re.sub("<memory.*?</memory>", "", CAPABILITIES).replace("core_id='1'", "core_id='70144'")
    shape = read_capabilities(text)
    assert {c.total_bytes for c in shape.cells} == {None}
    assert shape.pcpus[0].core == 70144


# -- /proc -------------------------------------------------------------------------------------


def stat_line(comm: str, utime: int = 100, start: int = 7, pcpu: int = 3) -> str:
    fields = ["0"] * 50
    fields[11], fields[12], fields[19], fields[21] = str(utime), "50", str(start), "10"
    fields[36] = str(pcpu)
    return f"42 ({comm}) " + " ".join(["S", *fields[1:]])


def make_process(
    root: Path, pid: int, uuid: str, utime: int = 100, waited: int = 2000, switches: int = 7
) -> None:
    base = root / str(pid)
    threads = {
        pid: "qemu-system-x86",
        pid + 1: "CPU 0/KVM",
        pid + 2: "IO iothread1",
        pid + 3: "vnc",
    }
    for tid, comm in threads.items():
        task = base / "task" / str(tid)
        task.mkdir(parents=True, exist_ok=True)
        (task / "comm").write_text(comm + "\n")
        (task / "stat").write_text(stat_line(comm, utime))
        (task / "schedstat").write_text(f"{utime * 1000} {waited} 5\n")
        more = f"voluntary_ctxt_switches:\t9\nnonvoluntary_ctxt_switches:\t{switches}\n"
        (task / "status").write_text(f"Name:\tx\nCpus_allowed_list:\t0-1,5\n{more}")
    (base / "cmdline").write_bytes(
        b"/usr/bin/qemu-system-x86_64\0-name\0g\0-uuid\0" + uuid.encode() + b"\0-x"
    )
    (base / "stat").write_text(stat_line("qemu (evil) ", utime))


UUID = "11111111-2222-3333-4444-555555555555"


def test_a_guest_is_found_by_its_uuid_with_all_rows(tmp_path: Path) -> None:
    make_process(tmp_path, 42, UUID)
    (tmp_path / "7").mkdir()
    (tmp_path / "7/cmdline").write_bytes(b"vi\0-uuid\0" + UUID.encode())
    guest = proc.find_guests(tmp_path)[UUID]
    assert guest.pid == 42
    threads = {t.key: t for t in guest.threads()}
    assert set(threads) == {("emulator", None), ("vcpu", 0), ("iothread", 1)}
    assert threads["vcpu", 0].processor == 3
    assert (threads["vcpu", 0].wait_ns, threads["vcpu", 0].switches) == (2000, 7)
    assert guest.allowed(43) == CpuSet.parse("0-1,5")
    for pid in (44, 45):  # of another libvirt's domain, defined from a copy
        make_process(tmp_path, pid, UUID)
        assert proc.find_guests(tmp_path) == {}, "nobody knows whose is whose"


def test_a_process_number_that_is_used_again_is_another_guest(tmp_path: Path) -> None:
    make_process(tmp_path, 42, UUID)
    assert Guest(tmp_path, 42, start=7).stat() is not None
    assert Guest(tmp_path, 42, start=8).stat() is None
    assert Guest(tmp_path, 43, start=7).stat() is None


def test_local_usage_needs_no_call_to_libvirt(tmp_path: Path) -> None:
    make_process(tmp_path, 42, UUID)
    usage = LocalUsage(lambda: find_guests(tmp_path))
    domains = (Domain(UUID, "g", "running", 1, vcpus=1),)
    assert usage.read(domains, View())[UUID].cpu_percent is None
    make_process(tmp_path, 42, UUID, utime=10_000)
    found = usage.read(domains, View("domain", UUID))[UUID]
    assert found.rss_bytes == 10 * os.sysconf("SC_PAGE_SIZE")
    assert usage.last_ran()[3] == (
        (UUID, "emulator", None),
        (UUID, "vcpu", 0),
        (UUID, "iothread", 1),
    )
    assert usage.read((), View()) == {}


def test_a_reading_in_which_nothing_moves_answers_with_the_same_objects(tmp_path: Path) -> None:
    """The list makes the rows anew whose objects are others."""
    make_process(tmp_path, 42, UUID)
    usage, view = LocalUsage(lambda: find_guests(tmp_path)), View("domain", UUID)
    locality = LocalityReader()
    domains = (Domain(UUID, "g", "running", 1, vcpus=1),)
    locality.results = {UUID: Locality({0: 1}, 1.0)}

    def answers() -> list[Any]:
        usage.read(domains, view)
        locality.update(usage.guests, UUID)
        held = usage.allowed(domains)
        return [held, held[UUID], usage.last_ran(), locality.results]

    before = answers()
    assert all(map(is_, before, answers()))
    stat = tmp_path / "42/task/43/stat"
    stat.write_text(stat_line("CPU 0/TCG", pcpu=4))
    (tmp_path / "42/task/43/status").write_text("Cpus_allowed_list:\t0-1\n")
    after = answers()
    assert not any(map(is_, before[:3], after[:3]))
    assert after[0] == {UUID: {**before[1], ("vcpu", 0): CpuSet.parse("0-1")}}
    assert usage.last_ran()[4] == ((UUID, "vcpu", 0),)
    locality.close()


def test_wait_and_switches_are_of_the_time_since_the_look_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the vCPU alone; the look before tells nothing of a thread that was not there."""
    moments = [0.0]
    monkeypatch.setattr("vconsole.host.local_usage.monotonic", lambda: moments[-1])
    usage, view = LocalUsage(lambda: find_guests(tmp_path)), View("domain", UUID)
    domains = (Domain(UUID, "g", "running", 1, vcpus=1),)
    make_process(tmp_path, 42, UUID)
    first = usage.read(domains, view)[UUID]
    assert (first.wait_percent, first.switches_s) == (None, None)
    moments.append(2.0)
    make_process(tmp_path, 42, UUID, waited=2000 + 10**9, switches=27)
    found = usage.read(domains, view)[UUID]
    assert (found.wait_percent, found.switches_s) == (50.0, 10.0)
    moments.append(4.0)
    make_process(tmp_path, 42, UUID, waited=2000, switches=3)
    gone = usage.read(domains, view)[UUID]
    assert (gone.wait_percent, gone.switches_s) == (None, None), "a counter went backwards"


@pytest.mark.parametrize("data", [None, b"", b"1", b"1 (x) S 1 2", b"\xff\xfe", b")" * 99])
def test_what_the_kernel_does_not_say_is_none(data: bytes | None) -> None:
    assert proc.parse_stat(data) is None
    assert proc.parse_schedstat(data) is None
    assert proc.parse_allowed(data) is None
    assert proc.parse_uuid(data) is None


@given(st.binary(max_size=200))
def test_no_bytes_of_proc_raise(data: bytes) -> None:
    proc.parse_stat(data)
    proc.parse_schedstat(data)
    proc.parse_allowed(b"Cpus_allowed_list:" + data)
    proc.parse_uuid(data)
    parse_numa_maps(data.splitlines())


def test_memory_by_cell_counts_huge_pages_as_what_they_are() -> None:
    lines = [
        b"7f00 bind:0 anon=3 dirty=3 N0=2 N1=1 kernelpagesize_kB=4",
        b"7f01 default file=/dev/hugepages/x huge dirty=5 N1=5 kernelpagesize_kB=2048",
        b"7f02 default heap",
    ]
    assert parse_numa_maps(lines) == {0: 8192, 1: 4096 + 5 * 2048 * 1024}


def test_numa_maps_of_a_process_that_is_gone_are_none(tmp_path: Path) -> None:
    assert read_numa_maps(tmp_path / "numa_maps") is None


# -- the rest ----------------------------------------------------------------------------------


def test_the_uri_is_taken_from_the_first_place_that_names_one() -> None:
    both = {"VIRSH_DEFAULT_CONNECT_URI": "b:///", "LIBVIRT_DEFAULT_URI": "c:///"}
    assert uri.resolve("a:///", both) == "a:///"
    assert uri.resolve(None, both) == "b:///"
    assert uri.resolve("", {"LIBVIRT_DEFAULT_URI": "c:///"}) == "c:///"
    assert uri.resolve(None, {}) is None


@pytest.mark.parametrize(
    ("given", "here"),
    [
        ("qemu:///system", True),
        ("qemu+unix:///system?socket=/x", True),
        ("qemu://localhost/system", True),
        ("qemu+ssh://host/system", False),
        ("qemu://host/system", False),
        ("qemu://[bad/system", False),
    ],
)
def test_which_uris_are_this_machine(given: str, here: bool) -> None:
    assert uri.is_this_machine(given) is here


def test_ssh_is_kept_from_asking_on_the_terminal() -> None:
    assert uri.quiet("qemu+ssh://h/system") == "qemu+ssh://h/system?no_tty=1"
    assert uri.quiet("qemu+ssh://h/system?no_tty=0") == "qemu+ssh://h/system?no_tty=0"
    assert uri.quiet("qemu:///system") == "qemu:///system"


@given(st.text(max_size=400))
def test_an_error_is_one_clean_line(text: str) -> None:
    line = errors.one_line(text)
    assert len(line) <= errors.MAX_CHARS
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in line)


@pytest.mark.parametrize(
    ("graphics", "words"),
    [
        ("type='vnc' port='5901' listen='127.0.0.1'", "vnc at 127.0.0.1, port 5901"),
        (
            "type='vnc' port='-1' autoport='yes'",
            "vnc at libvirt's default, port chosen at its start",
        ),
        (
            "type='spice' port='-1' tlsPort='5903' listen='::'",
            "spice at every address, TLS port 5903",
        ),
        ("type='vnc' socket='/run/x'", "vnc at /run/x"),
        ("type='egl-headless'", "egl-headless"),
        ("type='sdl' display=':0'", "sdl"),
    ],
)
def test_displays_are_said_as_a_viewer_needs_them(graphics: str, words: str) -> None:
    text = f"<domain type='kvm'><name>x</name><devices><graphics {graphics}/></devices></domain>"
    assert read_displays(text) == (words,)


def test_a_display_listens_where_its_listen_element_says() -> None:
    inner = (
        "<graphics type='vnc' port='5900'><listen type='address' address='10.0.0.1'/></graphics>"
    )
    text = f"<domain type='kvm'><name>x</name><devices>{inner}</devices></domain>"
    assert read_displays(text) == ("vnc at 10.0.0.1, port 5900",)


def test_waiting_is_for_a_pcpu_and_not_for_what_the_guest_reads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """libvirt's ``vcpu.N.wait`` is I/O wait, ``vcpu.N.delay`` the time in the run queue."""
    domain, usage = Domain(UUID, "web", "running", vcpus=2), BulkUsage(cast(Any, None))
    seen = [
        {"vcpu.0.wait": 0, "vcpu.1.wait": 0, "vcpu.0.delay": 0, "vcpu.1.delay": 0},
        {"vcpu.0.wait": 10**9, "vcpu.1.wait": 0, "vcpu.0.delay": 10**8, "vcpu.1.delay": 10**8},
    ]
    times = iter((0.0, 1.0))
    monkeypatch.setattr("vconsole.host.usage.monotonic", lambda: next(times))
    assert [usage._wait(domain, values) for values in seen] == [None, 20.0]
    monkeypatch.setattr("vconsole.host.usage.monotonic", lambda: 2.0)
    more = {f"vcpu.{n}.delay": 9**n * 10**8 for n in range(3)}
    assert usage._wait(domain, more) is None, "one was plugged in"
    assert usage._wait(domain, {"vcpu.0.wait": 5}) is None, "an older libvirt does not say"


def test_the_threads_of_the_domain_in_view_wait_for_a_pcpu_too() -> None:
    seen = detail._Seen(UUID)
    reader = detail.DetailReader(cast(Any, None), cast(Any, None), None)
    values = {"vcpu.maximum": 1, "vcpu.0.state": 1, "vcpu.0.wait": 7, "vcpu.0.delay": 3}
    reader._take_statistics(seen, values)
    assert seen.rows[0].wait is not None
    assert seen.rows[0].wait[1] == 3


def test_what_is_read_by_turns_is_measured_from_its_own_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From afar one call tells pCPU and time, and the next one the wait, too.

    A vCPU that waits half of the time did so by 0 % and by 100 %, one after the other.
    """
    seen = detail._Seen(UUID)
    reader = detail.DetailReader(cast(Any, None), cast(Any, None), None)
    web = Domain(UUID, "web", "running", pins=(Pin("vcpu", 0, live=CpuSet.parse("0")),))
    clock, found = [0.0], []
    monkeypatch.setattr(detail, "monotonic", lambda: clock[-1])
    for second in range(8):
        clock.append(second)
        ran = second * 4 * 10**8
        if second % 2:
            reader._take_vcpus(seen, ([(0, 1, ran, 5)], []))
        else:
            values = {"vcpu.0.state": 1, "vcpu.0.time": ran, "vcpu.0.delay": second * 5 * 10**8}
            reader._take_statistics(seen, {"vcpu.maximum": 1, **values})
        (row,) = reader._threads(seen, web)
        found.append((row.cpu_percent, row.wait_percent))
    assert found == [(None, None), (40.0, None), *[(40.0, 50.0)] * 6]


def test_the_virtualization_check_says_what_to_do(tmp_path: Path) -> None:
    local = Connection(local=True)
    assert virt_check.check(Connection())[0].verdict == "unknown"
    bare = virt_check.check(local, tmp_path)
    assert [c.verdict for c in bare] == ["fail", "warn", "fail", "warn", "unknown"]
    assert all(c.cure for c in bare[:4])
    for name in ("sys/module/kvm", "sys/module/kvm_amd/parameters", "sys/kernel/iommu_groups/0"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "proc").mkdir()
    (tmp_path / "dev").mkdir()
    (tmp_path / "proc/cpuinfo").write_text("flags : fpu svm\n")
    (tmp_path / "sys/module/kvm_amd/parameters/nested").write_text("1\n")
    (tmp_path / "dev/kvm").write_text("")
    assert {c.verdict for c in virt_check.check(local, tmp_path)} == {"ok"}


@pytest.mark.parametrize(
    ("error", "verdict"),
    [(errno.EPERM, "warn"), (errno.EACCES, "warn"), (errno.ENODEV, "fail"), (errno.ENXIO, "fail")],
)
def test_what_counts_is_whether_the_device_opens(
    error: int, verdict: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a container the modes say yes, and the kernel no."""
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/kvm").write_text("")

    def refuse(*_: object) -> int:
        raise OSError(error, os.strerror(error))

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        check = virt_check._device_check(tmp_path)
    assert (check.verdict, bool(check.cure)) == (verdict, True)


# -- errors ------------------------------------------------------------------------------------


def test_every_line_of_an_error_is_kept_in_one() -> None:
    schema = (
        "XML document failed to validate against schema: Unable to validate doc against "
        "/usr/share/libvirt/schemas/domain.rng\nExtra element clock in interleave\n"
        "Element domain failed to validate content\n"
    )
    assert errors.all_lines(schema) == (
        "does not validate: Extra element clock in interleave; "
        "Element domain failed to validate content"
    )
    quoted = "(domain):1: Start tag expected\n<name\x1b[2J\n    ^\n"
    assert errors.all_lines(quoted) == "(domain):1: Start tag expected; <name [2J"


def test_of_an_error_that_is_too_long_the_middle_goes() -> None:
    said = errors.all_lines("it failed\n" + "blah blah\nx" * 99_999 + "\nno space left")
    assert len(said) <= errors.MAX_CHARS
    assert said.startswith("it failed; ")
    assert said.endswith("no space left")
