"""The guest's tool at a pseudo terminal, with good, slow and hostile hosts at the other end."""

from __future__ import annotations

import ast
import contextlib
import fcntl
import json
import os
import re
import select
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vconsole.features.hostinfo import guest
from vconsole.features.hostinfo.model.limiter import Account
from vconsole.features.hostinfo.model.protocol import Session, Terms
from vconsole.features.hostinfo.model.rules import Effective

Answer = Callable[[str], bytes]
SOURCE = Path(guest.__file__)


class Host:
    """The other end of a serial line: answers each line, in a thread of its own."""

    def __init__(self, answer: Answer) -> None:
        self.master, self.slave = os.openpty()
        self.path = os.ttyname(self.slave)
        self.heard = b""
        self._answer = answer
        self._stop, self._stopper = os.pipe()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Host:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._stopper)
        self._thread.join(30)
        for fd in {self.master, self.slave, self._stop}:
            os.close(fd)

    def _run(self) -> None:
        rest = b""
        while select.select([self.master, self._stop], [], [])[0] == [self.master]:
            data = os.read(self.master, 4096)
            self.heard += data
            *lines, rest = (rest + data).split(b"\n")
            for line in filter(None, map(bytes.strip, lines)):
                self._write(self._answer(line.decode()))

    def hang_up(self) -> bytes:
        """An answer: none, now and in future."""
        os.close(self.slave)
        os.close(self.master)
        self.master = self.slave = self._stop
        return b""

    def _write(self, data: bytes) -> None:
        while data:
            readable, writable, _ = select.select([self._stop], [self.master], [])
            if readable:
                return
            if writable:
                data = data[os.write(self.master, data[:512]) :]


def replies(**by_command: bytes) -> Answer:
    """A host that knows these commands, blanks in them written as underscores.

    As the daemon does, it takes what begins with digits for an echo of its own.
    """
    return lambda line: b"" if line[0].isdigit() else by_command[line.replace(" ", "_")]


def run(host: Host, *arguments: str, timeout: float = 60.0) -> int:
    return guest.main(["-p", host.path, "--timeout", str(timeout), *arguments])


def found(*paths: str) -> str:
    """The port that is chosen of these."""
    port = guest.find_port(60.0, paths)
    port.close()
    return port.path


Output = pytest.CaptureFixture[str]

# --- what a host may say


def test_a_value_is_printed_with_its_unit(capsys: Output) -> None:
    with Host(replies(GET_memfree=b"210 memfree 2048 MiB\r\n")) as host:
        assert run(host, "memfree") == 0
    assert capsys.readouterr() == ("memfree 2048 MiB\n", "")
    assert host.heard == b"\nGET memfree\n"


@pytest.mark.parametrize(("way", "words"), [(">/dev/full", "No space left"), (">&-", "is closed")])
def test_an_output_that_takes_nothing_is_one_line(way: str, words: str) -> None:
    with Host(replies(GET_memfree=b"210 memfree 2048 MiB\r\n")) as host:
        command = f"exec {sys.executable} {SOURCE} -p {host.path} memfree {way}"
        done = subprocess.run(
            ["sh", "-c", command], capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 1
    assert done.stderr.startswith("vconsole-hostinfo: standard output")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_many_values_come_in_one_reply(capsys: Output) -> None:
    reply = b"210-physcpus 8\r\n210 load 0.42\r\n"
    with Host(replies(GET_physcpus_load=reply)) as host:
        assert run(host, "PhysCPUs", "load") == 0
    assert capsys.readouterr().out == "physcpus 8\nload 0.42\n"


def test_no_name_asks_for_all(capsys: Output) -> None:
    with Host(replies(ALL=b"210-physcpus 8\r\n210 cpumodel Some CPU (R) 2 GHz\r\n")) as host:
        assert run(host) == 0
    assert capsys.readouterr().out == "physcpus 8\ncpumodel Some CPU (R) 2 GHz\n"


def test_json_tells_numbers_and_units_apart(capsys: Output) -> None:
    lines = ("a 8", "b 0.5 %", "c some text", "d 007", "e -1 s", "f 9.1.0", "g 1 2 3", "h 1e9")
    reply = "".join(f"210-{line}\r\n" for line in lines) + "210 i x\r\n"
    with Host(lambda _: reply.encode()) as host:
        assert run(host, "--json") == 0
    read = {
        name: (row["value"], row["unit"])
        for name, row in json.loads(capsys.readouterr().out).items()
    }
    assert read == {
        "a": (8, None),
        "b": (0.5, "%"),
        "c": ("some text", None),
        "d": ("007", None),
        "e": (-1, "s"),
        "f": ("9.1.0", None),
        "g": ("1 2 3", None),
        "h": ("1e9", None),
        "i": ("x", None),
    }


@pytest.mark.parametrize(
    ("reply", "code", "out", "err"),
    [
        (b"403 load not permitted\r\n", 3, "", "load not permitted"),
        (b"404 load unknown\r\n", 3, "", "load unknown"),
        (b"503 load unavailable\r\n", 1, "", "load unavailable"),
        (b"400 bad request\r\n", 1, "", "bad request"),
        (b"210-x 1\r\n403 load not permitted\r\n", 3, "x 1\n", "load not permitted"),
        (b"503-x unavailable\r\n210 load 1\r\n", 1, "load 1\n", "x unavailable"),
        (b"210 load 1\r\n", 1, "load 1\n", "x was not answered"),
        (b"210 load\r\n", 1, "", "load was not answered"),
    ],
)
def test_a_refusal_is_an_exit_code_and_a_line(
    reply: bytes, code: int, out: str, err: str, capsys: Output
) -> None:
    with Host(lambda _: reply) as host:
        assert run(host, "x", "load") == code
    said = capsys.readouterr()
    assert said.out == out
    assert f"vconsole-hostinfo: {err}\n" in said.err


# --- a serial line is no clean place


@pytest.mark.parametrize(
    "reply",
    [
        b"210 load 1\n",
        b"210 load 1\r",
        b"\r\n\n\r210 load 1\r\n",
        b"GET load\r\n210 load 1\r\n",
        b"[    0.1] Linux\r\n\x1b[2J\r\n\xff\xfe\0\r\n210 load 1\r\n",
        b"210 physcpus 8\r\n404 other unknown\r\n210 load 1\r\n",
        b"220 hostinfo 1\r\n200 pong\r\n999 load 1\r\n210load 1\r\n210 load 1\r\n",
        b"210 load \x1b[31m1\r\n210 load 1\r\n",
        b"210 load " + b"9" * 300 + b"\r\n210 load 1\r\n",
        b"x" * 30000 + b"\r\n210 load 1\r\n",
        b"210-physcpus 8\r\n210 load 1\r\n210 load 2\r\n",
    ],
    ids=range(11),
)
def test_what_is_no_answer_is_skipped(reply: bytes, capsys: Output) -> None:
    with Host(lambda _: reply) as host:
        assert run(host, "load") == 0
    assert capsys.readouterr().out == "load 1\n"


def test_a_reply_may_come_byte_by_byte(capsys: Output) -> None:
    def slowly(_: str) -> bytes:
        for byte in b"210 load 1\r":
            os.write(host.master, bytes([byte]))
            time.sleep(0.005)
        return b"\n"

    with Host(slowly) as host:
        assert run(host, "load") == 0
    assert capsys.readouterr().out == "load 1\n"


def test_what_came_before_the_question_is_no_answer(capsys: Output) -> None:
    with Host(replies(GET_load=b"210 load 1\r\n")) as host:
        os.write(host.master, b"210 load 666\r\n" * 200)
        assert run(host, "load") == 0
    assert capsys.readouterr().out == "load 1\n"


def test_the_line_is_raw_meanwhile_and_left_as_it_was(capsys: Output) -> None:
    with Host(replies(GET_load=b"210 load 1\r\n")) as host:
        before = termios.tcgetattr(host.slave)
        assert before[3] & termios.ECHO
        assert run(host, "load") == 0
        assert termios.tcgetattr(host.slave) == before
    assert b"210" not in host.heard
    assert capsys.readouterr().out == "load 1\n"


# --- hosts that are slow, silent or hostile


def test_a_silent_host_is_given_up(capsys: Output) -> None:
    with Host(lambda _: b"") as host:
        assert run(host, "load", timeout=0.1) == 1
    assert capsys.readouterr() == ("", f"vconsole-hostinfo: {host.path}: no answer within 0.1 s\n")


def test_half_a_reply_is_none(capsys: Output) -> None:
    with Host(lambda _: b"210-load 1\r\n210 load") as host:
        assert run(host, "load", timeout=0.1) == 1
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("flood", [b"x", b"210-load 1\r\n", b"210 other 1\r\n", b"\n"])
def test_a_stream_without_end_is_cut(flood: bytes, capsys: Output) -> None:
    with Host(lambda _: flood * (1 << 20)) as host:
        begin = time.monotonic()
        assert run(host, "load", timeout=3.0) == 1
        assert time.monotonic() - begin < 30.0
    assert capsys.readouterr().out == ""


def test_a_host_that_does_not_read_is_given_up(capsys: Output) -> None:
    host = Host(lambda _: b"")  # its thread is not started
    with contextlib.suppress(BlockingIOError):
        os.set_blocking(host.slave, False)
        while True:
            os.write(host.slave, b"x" * 512)
    assert run(host, "load", timeout=0.1) == 1
    assert "no answer within 0.1 s" in capsys.readouterr().err
    for fd in (host.master, host.slave):
        os.close(fd)


def test_a_host_that_hangs_up_is_an_error(capsys: Output) -> None:
    with Host(lambda _: host.hang_up()) as host:
        assert run(host, "load") == 1
    assert f"vconsole-hostinfo: {host.path}: " in capsys.readouterr().err


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.binary(max_size=40) | st.sampled_from([b"210-", b"load", b" ", b"\r\n", b"429 "]))
)
def test_whatever_the_host_sends_the_output_is_plain(capsys: Output, parts: list[bytes]) -> None:
    with Host(lambda _: b"".join(parts)) as host:
        assert run(host, "load", "--wait", "0", timeout=0.02) in (0, 1, 3)
    said = capsys.readouterr()
    assert (said.out + said.err).replace("\n", "").replace("\t", "").isprintable()
    assert (said.out + said.err).isascii()


# --- asked too soon


def test_a_question_that_came_too_soon_is_asked_again_in_time(capsys: Output) -> None:
    answers = [b"429 too soon retry=0.3\r\n", b"210 load 1\r\n"]
    with Host(lambda _: answers.pop(0)) as host:
        begin = time.monotonic()
        assert run(host, "load") == 0
        assert time.monotonic() - begin >= 0.3
    assert capsys.readouterr().out == "load 1\n"


@pytest.mark.parametrize(
    ("reply", "wait", "words"),
    [
        (b"429 too soon retry=60.0\r\n", "5", "answers in 60 s, see --wait"),
        (b"429 too soon retry=0.2\r\n", "0.1", "answers in 0.2 s"),
        (b"429 too soon\r\n", "0.5", "answers in 1 s"),
        (b"429 too soon retry=1e9\r\n", "0.5", "answers in 1 s"),
        (b"429 too soon retry=-1\r\n", "0.5", "answers in 1 s"),
        (b"429 too soon retry=99999999\r\n", "0.5", "answers in 1 s"),
    ],
)
def test_the_patience_has_an_end(reply: bytes, wait: str, words: str, capsys: Output) -> None:
    with Host(lambda _: reply) as host:
        assert run(host, "load", "--wait", wait) == 1
    assert words in capsys.readouterr().err
    assert host.heard.count(b"GET") == 1


def test_a_host_that_says_now_is_not_asked_in_a_tight_loop(capsys: Output) -> None:
    with Host(lambda _: b"429 too soon retry=0\r\n") as host:
        assert run(host, "load", "--wait", "0.5") == 1
    assert host.heard.count(b"GET") <= 6
    assert "asked too soon" in capsys.readouterr().err


# --- the daemon's own protocol at the other end


def daemon(interval_s: float = 0.2, **values: str) -> Answer:
    """A session as the daemon has it, for a guest that may see these values and ``load``."""
    rule = Effective(interval_s, permitted=frozenset({*values, "load"}))
    session = Session(Terms(rule, Account()), values.get, lambda _: None)
    return lambda line: session.receive(line.encode() + b"\n", time.monotonic())


@pytest.mark.parametrize(
    ("names", "code", "out", "err"),
    [
        ("physcpus", 0, "physcpus 8\n", ""),
        ("memfree physcpus", 0, "memfree 2048 MiB\nphyscpus 8\n", ""),
        ("guests physcpus", 3, "physcpus 8\n", "guests not permitted"),
        ("nonsense", 3, "", "nonsense unknown"),
        ("load", 1, "", "load unavailable"),
        ("", 1, "physcpus 8\nmemfree 2048 MiB\n", "load unavailable"),
    ],
)
def test_the_daemon_is_understood(
    names: str, code: int, out: str, err: str, capsys: Output
) -> None:
    with Host(daemon(physcpus="8", memfree="2048")) as host:
        assert found(host.path) == host.path
        assert run(host, *names.split()) == code
    said = capsys.readouterr()
    assert said.out == out
    assert err in said.err


def test_the_interval_of_the_daemon_is_waited_for(capsys: Output) -> None:
    with Host(daemon(physcpus="8", interval_s=0.5)) as host:
        assert [run(host, "physcpus", "--wait", "60") for _ in range(3)] == [0, 0, 0]
    with Host(daemon(physcpus="8", interval_s=900)) as host:
        assert run(host, "physcpus") == 0
        assert run(host, "physcpus", "--wait", "0.1") == 1
    said = capsys.readouterr().err
    assert re.search(r"asked too soon; the host answers in (900|8\d\d)", said)


# --- which port


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port where hostinfo answers is not passed over, however busy the machine is."""
    monkeypatch.setattr(guest, "PROBE_S", 60.0)


GOOD = replies(HELLO_1=b"220 hostinfo 1 interval=1\r\n")


def test_the_port_is_the_first_that_greets(monkeypatch: pytest.MonkeyPatch) -> None:
    def login(_: str) -> bytes:
        monkeypatch.setattr(guest, "PROBE_S", 60.0)  # of the ports after this one
        return b"login: \r\n"

    monkeypatch.setattr(guest, "PROBE_S", 0.6)
    with Host(login) as getty, Host(GOOD) as good, Host(GOOD) as unused:
        assert found("/dev/none", getty.path, good.path, unused.path) == good.path
    assert getty.heard == b"\nHELLO 1\n"
    assert unused.heard == b""


def test_a_greeting_may_be_asked_for_too_soon() -> None:
    answers = [b"429 too soon retry=0.1\r\n", b"220 hostinfo 1\r\n"]
    with Host(lambda _: answers.pop(0)) as host:
        assert found(host.path) == host.path


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (b"426 version\r\n", "the host says 426 version"),
        (b"220 hostinfo 2 interval=1\r\n", "no answer within 0.6 s"),
        (b"220 mail.example ESMTP\r\n", "no answer within 0.6 s"),
        (b"", "no answer within 0.6 s"),
    ],
)
def test_another_protocol_is_not_hostinfo(
    reply: bytes, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "no answer" in words:
        monkeypatch.setattr(guest, "PROBE_S", 0.6)
    with Host(lambda _: reply) as host, pytest.raises(guest.HostinfoError, match=words) as error:
        found(host.path)
    assert "is hostinfo enabled for this guest" in str(error.value)


def test_without_a_port_all_are_tried(monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    both = replies(HELLO_1=b"220 hostinfo 1\r\n", ALL=b"210 load 1\r\n")
    with Host(both) as host:
        monkeypatch.setattr(guest.find_port, "__defaults__", (("/dev/none", host.path),))
        assert guest.main([]) == 0
    assert capsys.readouterr().out == "load 1\n"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/dev/none", "No such file"),
        ("/dev/null", "no serial port"),
        (os.devnull + "/x", "Not a directory"),
        (__file__, "no serial port"),
    ],
)
def test_what_is_no_serial_port_is_refused(path: str, words: str, capsys: Output) -> None:
    before = Path(__file__).read_bytes()
    assert guest.main(["-p", path, "load"]) == 1
    assert f"{path}: " in (said := capsys.readouterr().err)
    assert words in said
    assert Path(__file__).read_bytes() == before


def test_a_port_in_use_by_another_is_waited_for_and_given_up(capsys: Output) -> None:
    with Host(replies(GET_load=b"210 load 1\r\n")) as host:
        fcntl.flock(host.slave, fcntl.LOCK_EX)
        assert run(host, "load", timeout=0.2) == 1
        assert "another process is using it" in capsys.readouterr().err
        threading.Timer(0.2, fcntl.flock, (host.slave, fcntl.LOCK_UN)).start()
        assert run(host, "load") == 0
    assert host.heard == b"\nGET load\n"


@pytest.mark.parametrize("place", ["/proc/consoles", "/sys/class/tty/console/active"])
def test_a_console_of_the_kernel_is_never_written_to(
    place: str, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    with Host(replies()) as host:
        name = os.path.basename(host.path)
        lines = {"/proc/consoles": f"tty0 -WU (EC p )  4:7\n{name} -W- (EC a)  4:65\n"}
        lines["/sys/class/tty/console/active"] = f"tty0 {name}\n"
        monkeypatch.setattr(guest, "_text", lambda path: lines[path] if path == place else "")
        assert run(host, "load") == 1
    assert host.heard == b""
    assert "in use as a console" in capsys.readouterr().err


@contextlib.contextmanager
def shell_at(path: str) -> Iterator[None]:
    """A process whose terminal is the given one."""
    code = f"open({path!r}); print('ready', flush=True); input()"
    shell = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # then the first terminal that it opens is its own
    )
    with shell:
        assert shell.stdout is not None
        assert shell.stdout.readline() == b"ready\n"
        yield
        shell.kill()


def test_a_terminal_where_somebody_works_is_never_written_to(capsys: Output) -> None:
    with Host(replies(GET_load=b"210 load 1\r\n")) as host:
        with shell_at(host.path):
            assert run(host, "load") == 1
        assert host.heard == b""
        assert "in use as a console" in capsys.readouterr().err
        assert run(host, "load") == 0


# --- the command line


@pytest.mark.parametrize(
    "arguments",
    [
        ["a b"],
        ["load\nALL"],
        ["größe"],
        ["--", "-x"],
        ["x"] * 17,
        ["x" * 125],
        ["--wait", "-1"],
        ["--timeout", "nan"],
        ["--timeout", "x"],
        ["--unknown"],
    ],
    ids=range(10),
)
def test_wrong_usage_is_exit_code_2(arguments: list[str], capsys: Output) -> None:
    with pytest.raises(SystemExit) as error:
        guest.main(["-p", "/dev/none", *arguments])
    assert error.value.code == 2
    assert "usage: vconsole-hostinfo" in capsys.readouterr().err


def test_the_longest_request_is_sent() -> None:
    name = "x" * 124
    with Host(lambda line: f"210 {line[4:]} 1\r\n".encode()) as host:
        assert run(host, name) == 0
    assert len(host.heard) == len("\n\n") + guest.MAX_REQUEST


def test_an_interrupted_run_leaves_the_port_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with Host(replies()) as host:
        before = termios.tcgetattr(host.slave)
        monkeypatch.setattr(guest, "query", interrupt)
        assert run(host, "load") == 1
        assert termios.tcgetattr(host.slave) == before


def test_the_file_runs_alone() -> None:
    with Host(replies(GET_load=b"210 load 1\r\n")) as host:
        command = [sys.executable, "-I", "-S", str(SOURCE), "-p", host.path, "load"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "load 1\n", "")


def test_the_file_keeps_to_python_3_4() -> None:
    tree = ast.parse(SOURCE.read_text(), feature_version=(3, 4))
    newer = (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.AsyncFunctionDef)
    assert not [node for node in ast.walk(tree) if isinstance(node, newer)]
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in imports for alias in node.names}
    assert names <= sys.stdlib_module_names - {"typing", "dataclasses", "__future__"}
