"""The guest's tool: run as its users do, with a disk and a channel below a root of its own."""

from __future__ import annotations

import ast
import json
import os
import pty
import shutil
import subprocess
import sys
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from types import SimpleNamespace

import pytest

from vconsole.features.metrics import guest
from vconsole.features.metrics.model.disk import Header, checksum
from vconsole.features.metrics.model.document import Metric, render

DATA = Path(__file__).parents[1] / "data" / "vhostmd"
DOCUMENT = (DATA / "vm-dump-metrics-vbd.out").read_bytes()
REPLY = (DATA / "virtio-vm1.response").read_bytes()
UUIDS = [f"{n}1111111-1111-4111-8111-111111111111" for n in range(3)]


class Root:
    """What the tool sees of a guest."""

    def __init__(self, path: Path, output: pytest.CaptureFixture[bytes]) -> None:
        self.path = path
        self._output = output

    def add_disk(self, name: str, raw: bytes, sectors: int = 512) -> Path:
        size = self.path / "sys/block" / name / "size"
        size.parent.mkdir(parents=True)
        size.write_text(f"{sectors}\n")
        device = self.path / "dev" / name.replace("!", "/")
        device.parent.mkdir(parents=True, exist_ok=True)
        device.write_bytes(raw)
        return device

    def add_port(self, target: str) -> None:
        ports = self.path / "dev/virtio-ports"
        ports.mkdir(parents=True)
        (ports / guest.PORT).symlink_to(target)

    def add_port_without_udev(self, target: str) -> None:
        for number, name in ((1, "org.qemu.guest_agent.0"), (2, guest.PORT)):
            folder = self.path / f"sys/class/virtio-ports/vport0p{number}"
            folder.mkdir(parents=True)
            (folder / "name").write_text(name + "\n")
        (self.path / "dev").mkdir(exist_ok=True)
        (self.path / "dev/vport0p2").symlink_to(target)

    def run(self, *arguments: str) -> SimpleNamespace:
        """Run the tool; answers its exit code, output and complaints."""
        code = guest.main(list(arguments), str(self.path))
        out, err = self._output.readouterr()
        return SimpleNamespace(code=code, out=out, err=err.decode())


@pytest.fixture
def root(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> Root:
    monkeypatch.setattr(guest, "LIMIT_S", 60.0)
    return Root(tmp_path, capfdbinary)


@pytest.fixture
def hasty(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """What never comes is soon given up."""
    monkeypatch.setattr(guest, "LIMIT_S", 0.2)


@pytest.fixture
def with_disk(root: Root) -> Root:
    root.add_disk("vda", b"\xeb\x63".ljust(65536, b"\0"))
    root.add_disk("vdb", (DATA / "vhostmd0.disk").read_bytes())
    return root


class Host:
    """The host's end of a channel, played by a terminal in raw mode."""

    def __init__(self) -> None:
        self.end, self.guests_end = pty.openpty()
        tty.setraw(self.guests_end)
        self.device = os.ttyname(self.guests_end)
        self.requests: list[bytes] = []
        self._thread: Thread | None = None

    def answer(self, *pieces: bytes) -> None:
        """Wait for a request, and send these pieces with pauses."""
        self._act(lambda: self._send(pieces))

    def hang_up(self) -> None:
        """Wait for a request, and close."""
        self._act(lambda: os.close(self.end))

    def send_before(self, stale: bytes) -> None:
        """Leave something in the channel for a reader who has gone."""
        os.write(self.end, stale)

    def _act(self, action: Callable[[], None]) -> None:
        def run() -> None:
            self.requests.append(os.read(self.end, 512))
            action()

        self._thread = Thread(target=run, daemon=True)
        self._thread.start()

    def _send(self, pieces: tuple[bytes, ...]) -> None:
        for piece in pieces:
            os.write(self.end, piece)
            sleep(0.02)

    def close(self) -> None:
        if self._thread:
            self._thread.join(30)
        for end in (self.end, self.guests_end):
            try:
                os.close(end)
            except OSError:
                continue


@pytest.fixture
def host() -> Iterator[Host]:
    played = Host()
    yield played
    played.close()


def disk(
    content: bytes, busy: int = 0, total: int | None = None, length: int | None = None
) -> bytes:
    total = checksum(content) if total is None else total
    header = Header(b"mvbd", busy, total, len(content) if length is None else length)
    return (header.pack() + content).ljust(65536, b"\0")


# The disk


@pytest.mark.parametrize("arguments", [[], ["-b"], ["--vbd"], ["-v"]])
def test_the_document_comes_out_as_it_is_on_the_disk(with_disk: Root, arguments: list[str]) -> None:
    done = with_disk.run(*arguments)
    assert (done.code, done.out) == (0, DOCUMENT)
    assert ("vdb: 1514 bytes" in done.err) == ("-v" in arguments)


@pytest.mark.parametrize("flag", ["-d{}", "--dest={}"])
def test_the_document_goes_into_a_file(with_disk: Root, tmp_path: Path, flag: str) -> None:
    dest = tmp_path / "out.xml"
    dest.write_bytes(b"x" * 9999)
    done = with_disk.run(flag.format(dest))
    assert (done.code, done.out, dest.read_bytes()) == (0, b"", DOCUMENT)


def test_a_file_that_cannot_be_written(with_disk: Root, tmp_path: Path) -> None:
    done = with_disk.run("-d", str(tmp_path / "no" / "file"))
    assert (done.code, done.out) == (1, b"")
    assert "no/file: No such file or directory" in done.err


def test_drives_without_a_medium_are_not_opened(root: Root) -> None:
    root.add_disk("sr0", (DATA / "vhostmd0.disk").read_bytes(), sectors=0)
    assert "there is no metrics disk" in root.run("-b").err


def test_a_disk_in_a_folder_of_devices(root: Root) -> None:
    root.add_disk("cciss!c0d1", (DATA / "vhostmd0.disk").read_bytes())
    assert root.run("-b").out == DOCUMENT


def test_more_than_one_block_of_metrics(root: Root) -> None:
    content = render([Metric("N", "é" * 50_000)])
    root.add_disk("vdb", disk(content, total=checksum(content, signed=False)))
    assert root.run().out == content


def test_a_file_system_without_o_direct(with_disk: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    open_it = os.open

    def refuse(path: str, flags: int, *rest: int) -> int:
        if flags & os.O_DIRECT:
            raise OSError(22, "Invalid argument")
        return open_it(path, flags, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        assert with_disk.run().out == DOCUMENT


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ((DATA / "initial-busy.disk").read_bytes(), "the host is still writing it, for 0.2 s"),
        (disk(DOCUMENT, total=1), "its checksum is wrong, for 0.2 s"),
        (disk(DOCUMENT, length=0xFFFFFFFF), "4294967295 bytes of metrics are too many"),
        (disk(DOCUMENT, length=70_000), "the disk ends before its metrics do"),
        (disk(b"<metrics>a & b</metrics>"), "not well-formed"),
        (disk(b"<!DOCTYPE a []><metrics/>"), "a DOCTYPE"),
        (b"mvbd", "there is no metrics disk"),
        (b"", "there is no metrics disk"),
    ],
)
@pytest.mark.usefixtures("hasty")
def test_a_disk_that_is_no_good_ends_it_in_time(root: Root, raw: bytes, reason: str) -> None:
    root.add_disk("vdb", raw)
    begun = monotonic()
    done = root.run("-b")
    assert (done.code, done.out) == (1, b"")
    assert reason in done.err
    assert monotonic() - begun < 30


def test_a_disk_that_is_busy_for_a_moment(root: Root) -> None:
    device = root.add_disk("vdb", disk(DOCUMENT, busy=1))

    def finish() -> None:
        sleep(0.05)
        with device.open("r+b") as file:
            file.write(disk(DOCUMENT)[:16])

    writer = Thread(target=finish)
    writer.start()
    assert root.run().out == DOCUMENT
    writer.join()


@pytest.mark.usefixtures("hasty")
def test_a_bad_disk_does_not_hide_a_good_one(with_disk: Root) -> None:
    with_disk.add_disk("sda", disk(DOCUMENT, busy=1))
    assert with_disk.run().out == DOCUMENT


def test_whoever_may_not_read_the_disk_is_told(
    with_disk: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object) -> int:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:  # root may read everything
        patch.setattr(os, "open", refuse)
        done = with_disk.run("-b")
    assert done.code == 1
    assert "vdb: Permission denied: run this as root" in done.err


# The channel


def test_the_answer_comes_out_as_the_host_sent_it(root: Root, host: Host) -> None:
    root.add_port(host.device)
    host.answer(REPLY[:100], REPLY[100:2000], REPLY[2000:])
    done = root.run("-i")
    assert (done.code, done.out) == (0, REPLY)
    assert host.requests == [b"GET /metrics/XML\n\n"]


def test_the_channel_is_asked_when_there_is_no_disk(root: Root, host: Host) -> None:
    root.add_port(host.device)
    host.answer(REPLY)
    done = root.run()
    assert (done.code, done.out, done.err) == (0, REPLY, "")


def test_a_guest_without_udev_s_names(root: Root, host: Host) -> None:
    root.add_port_without_udev(host.device)
    host.answer(REPLY)
    assert root.run("--virtio").out == REPLY


def test_an_answer_to_somebody_else_is_dropped_first(root: Root, host: Host) -> None:
    root.add_port(host.device)
    host.send_before(b"<metrics>stale</metrics>\n\n")
    host.answer(REPLY)
    assert root.run("-i").out == REPLY


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [
        ([], "the host has not answered in full, for 0.4 s"),
        ([b"<metrics>\n"], "the host has not answered in full"),
        ([(DATA / "virtio-invalid.response").read_bytes()], "the host refused to answer"),
        ([b"x" * 2000], "the answer is longer than"),
    ],
)
def test_an_answer_that_is_no_good_ends_it_in_time(
    root: Root, host: Host, monkeypatch: pytest.MonkeyPatch, pieces: list[bytes], reason: str
) -> None:
    monkeypatch.setattr(guest, "MAX_BYTES", 1000)
    if "not answered" in reason:
        monkeypatch.setattr(guest, "LIMIT_S", 0.4)
    root.add_port(host.device)
    host.answer(*pieces)
    begun = monotonic()
    done = root.run("-i")
    assert (done.code, done.out) == (1, b"")
    assert reason in done.err
    assert monotonic() - begun < 30


def test_a_host_that_hangs_up(root: Root, host: Host) -> None:
    root.add_port(host.device)
    host.hang_up()
    done = root.run("-i")
    assert done.code == 1
    assert host.device not in done.err
    assert guest.PORT in done.err


@pytest.mark.usefixtures("hasty")
def test_a_host_that_takes_nothing(root: Root, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    root.add_port(host.device)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", refuse)
        done = root.run("-i")
    assert done.code == 1
    assert "the host takes no request, for 0.2 s" in done.err


def test_neither_disk_nor_channel(root: Root) -> None:
    done = root.run()
    assert (done.code, done.out) == (1, b"")
    assert done.err == (
        "vm-dump-metrics: there is no metrics disk; there is no virtio port org.github.vhostmd.1\n"
    )


# Chosen metrics


def test_single_metrics_by_name(with_disk: Root) -> None:
    done = with_disk.run("HostName", "host:TotalCPUTime", "vm:TotalCPUTime")
    assert (done.code, done.out) == (0, b"vm\n1731.470000\n1795244418.6\n")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("TotalCPUTime", "TotalCPUTime is ambiguous: say host:TotalCPUTime or vm:TotalCPUTime"),
        ("Nothing", "there is no metric Nothing"),
        ("vm:HostName", "there is no metric vm:HostName"),
        ("a\x1b[2J", "there is no metric a\\x1b[2J"),
    ],
)
def test_a_name_that_means_no_one_metric(with_disk: Root, name: str, reason: str) -> None:
    done = with_disk.run("FreeMem", name)
    assert (done.code, done.out) == (1, b"")
    assert reason in done.err


def test_its_own_metric_on_a_disk_that_all_guests_share(root: Root) -> None:
    metrics = [Metric("Mem", str(n), "uint64", "vm", None, n, UUIDS[n]) for n in range(3)]
    root.add_disk("vdb", disk(render([Metric("Mem", "9"), *metrics])))
    assert root.run("vm:Mem").code == 1
    dmi = root.path / "sys/class/dmi/id"
    dmi.mkdir(parents=True)
    (dmi / "product_uuid").write_text(UUIDS[1].upper() + "\n")
    assert root.run("vm:Mem").out == b"1\n"
    assert root.run("host:Mem").out == b"9\n"
    assert root.run("Mem").code == 1


def test_a_value_does_nothing_to_the_terminal(root: Root) -> None:
    content = render([Metric("N", "a\nb\x9b31m\u202eé")])
    root.add_disk("vdb", disk(content))
    assert root.run("N").out == "a\\nb\\x9b31m\\u202eé\n".encode()


def test_metrics_as_json(with_disk: Root) -> None:
    done = with_disk.run("--json")
    metrics = json.loads(done.out)
    assert len(metrics) == 13
    assert metrics[0] == {
        "context": "host",
        "name": "TotalCPUTime",
        "type": "real64",
        "unit": "s",
        "value": 1731.47,
    }
    assert metrics[-1]["id"] == 1


def test_numbers_in_json_are_numbers_only_if_they_are(root: Root) -> None:
    values = [("uint64", str(2**64 - 1)), ("int32", "abc"), ("real64", "nan"), ("string", "1")]
    content = render([Metric(f"N{n}", value, kind) for n, (kind, value) in enumerate(values)])
    root.add_disk("vdb", disk(content))
    found = json.loads(root.run("--json", "N0", "N1", "N2", "N3").out)
    assert [metric["value"] for metric in found] == [2**64 - 1, "abc", "nan", "1"]


# The command line, and where it can be copied to


@pytest.mark.parametrize("arguments", [["-q"], ["--nothing"], ["-d"], ["--help"]])
def test_wrong_usage_is_answered_with_the_usage(root: Root, arguments: list[str]) -> None:
    done = root.run(*arguments)
    assert (done.code, done.out) == (2, b"")
    assert "usage: vm-dump-metrics" in done.err


def test_xenstore_is_refused(with_disk: Root) -> None:
    done = with_disk.run("-x")
    assert (done.code, done.out) == (1, b"")
    assert "xenstore is not supported: use --vbd or --virtio" in done.err


def test_nobody_reads_the_output(with_disk: Root) -> None:
    start = "import sys; from vconsole.features.metrics.guest import main"
    code = f"{start}; sys.exit(main([], sys.argv[1]))"
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", code, with_disk.path], stdout=full, stderr=subprocess.PIPE
        )
    assert (done.returncode, done.stderr) == (
        1,
        b"vm-dump-metrics: standard output: No space left on device\n",
    )


def test_a_copy_of_the_file_runs_on_its_own(tmp_path: Path) -> None:
    copy = tmp_path / "vm-dump-metrics"
    shutil.copy(guest.__file__, copy)
    done = subprocess.run([sys.executable, "-I", copy, "--help"], capture_output=True)
    assert (done.returncode, done.stderr.decode()) == (2, guest.USAGE)


def test_the_file_is_one_for_python_3_4() -> None:
    tree = ast.parse(Path(guest.__file__).read_bytes(), feature_version=(3, 4))
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name) or ""
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert not {name.partition(".")[0] for name in imported} - set(sys.stdlib_module_names)
    newer = {"typing", "dataclasses", "secrets", "__future__", "importlib.resources"}
    assert not imported & newer
