"""What a guest may say to hostinfod and what it hears: bytes in, bytes out, a clock in between."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vconsole.features.hostinfo.model.limiter import ERRORS, Account, Ledger
from vconsole.features.hostinfo.model.protocol import MAX_LINE, MAX_NAMES, Exchange, Session, Terms
from vconsole.features.hostinfo.model.rules import DEFAULT, Effective
from vconsole.features.hostinfo.model.statistics import STATISTICS

VALUES = {"physcpus": "8", "load": "0.42", "memfree": "1024", "cpumodel": "AMD EPYC\t\x1b[2Jé"}
FREE = replace(DEFAULT, interval_s=0.0)
"""A rule without a limit."""


class Guest:
    """A session on a clock that stands still until it is told otherwise."""

    def __init__(self, rule: Effective = DEFAULT) -> None:
        self.now = 1000.0
        self.terms = Terms(rule, Account())
        self.exchanges: list[Exchange] = []
        self.session = Session(self.terms, VALUES.get, self.exchanges.append)

    def says(self, text: str | bytes) -> str:
        data = text.encode("latin-1") if isinstance(text, str) else text
        return self.session.receive(data, self.now).decode("ascii")

    def reconnects(self) -> None:
        self.session = Session(self.terms, VALUES.get, self.exchanges.append)


# -- requests and replies ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_line", "reply"),
    [
        ("physcpus", "210 physcpus 8\r\n"),
        ("PhysCPUs", "210 physcpus 8\r\n"),
        ("GET physcpus", "210 physcpus 8\r\n"),
        ("get memfree  load", "210-memfree 1024 MiB\r\n210 load 0.42\r\n"),
        ("get load load", "210 load 0.42\r\n"),
        ("HELLO", "220 hostinfo 1 interval=1\r\n"),
        ("hello 1", "220 hostinfo 1 interval=1\r\n"),
        ("VERSION", "220 hostinfo 1 interval=1\r\n"),
        ("HELLO 2", "426 version\r\n"),
        ("PING", "200 pong\r\n"),
        ("ping pong", "400 bad request\r\n"),
        ("GET", "400 bad request\r\n"),
        ("hello world", "400 bad request\r\n"),
        ("VERSION 1", "400 bad request\r\n"),
        ("what is this", "400 bad request\r\n"),
        ("caf\xe9", "400 bad request\r\n"),
        ("a\0b", "400 bad request\r\n"),
        ("nonsense", "404 nonsense unknown\r\n"),
        ("GET nonsense", "404 nonsense unknown\r\n"),
        ("guests", "403 guests not permitted\r\n"),
        ("GET uptime", "503 uptime unavailable\r\n"),
        ("GET load uptime", "210-load 0.42\r\n503 uptime unavailable\r\n"),
        ("GET guests load", "403-guests not permitted\r\n210 load 0.42\r\n"),
    ],
)
def test_a_request_has_its_reply(request_line: str, reply: str) -> None:
    assert Guest().says(f"{request_line}\n") == reply


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\n\r"])
def test_any_line_end_will_do(end: str) -> None:
    assert Guest().says(f"  physcpus\t{end}") == "210 physcpus 8\r\n"


def test_a_request_may_come_in_pieces() -> None:
    guest = Guest()
    assert [guest.says(c) for c in "physcpus"] == [""] * 8
    assert guest.says("\r") == "210 physcpus 8\r\n"


def test_the_beginning_of_a_line_is_forgotten_after_a_long_silence() -> None:
    guest = Guest()
    guest.says("phys")
    guest.now += 31
    assert guest.says("load\n") == "210 load 0.42\r\n"


def test_help_and_list_are_replies_of_many_lines() -> None:
    guest = Guest()
    helped, listed = guest.says("HELP\n").split("\r\n"), guest.says("LIST\n").split("\r\n")
    assert all(line.startswith("214-") for line in helped[:-2])
    assert helped[-2].startswith("214 ")
    assert "211-memfree MiB" in listed
    assert "211-physcpus" in listed
    assert listed[-2:] == ["211 end", ""]
    assert not any("guests" in line for line in listed)


def test_all_is_everything_that_is_permitted() -> None:
    lines = Guest().says("ALL\n").split("\r\n")[:-1]
    assert [line[4:].split()[0] for line in lines] == [
        s.name for s in STATISTICS.values() if s.default
    ]


def test_all_of_nothing_is_refused() -> None:
    assert Guest(Effective(permitted=frozenset())).says("ALL\n") == "403 all not permitted\r\n"


def test_what_is_hidden_looks_as_if_it_did_not_exist() -> None:
    guest = Guest(replace(DEFAULT, hide_denied=True))
    assert guest.says("guests\n") == "404 guests unknown\r\n"
    assert guest.says("nothing\n") == "404 nothing unknown\r\n"


def test_a_value_cannot_break_out_of_its_line() -> None:
    assert Guest().says("cpumodel\n") == "210 cpumodel AMD EPYC??[2J?\r\n"


def test_at_most_sixteen_names() -> None:
    names = list(STATISTICS)[:MAX_NAMES]
    assert Guest().says(f"GET {' '.join(names)}\n").count("\r\n") == MAX_NAMES
    assert Guest().says(f"GET {' '.join(names)} x\n") == "400 bad request\r\n"


# -- a line that echoes, and noise ---------------------------------------------------------------


@pytest.mark.parametrize("line", ["210 load 0.42", "214-x", "400 bad request", "# hi", ".", " . "])
def test_an_echoed_reply_is_not_answered(line: str) -> None:
    guest = Guest()
    assert guest.says(f"{line}\n") == ""
    assert guest.terms.account.refusals == 0


def test_a_line_that_echoes_everything_comes_to_rest() -> None:
    guest = Guest(FREE)
    said, rounds = "LIST\nload\nnonsense\nHELP\n", 0
    while said:
        said, rounds = guest.says(said), rounds + 1
    assert rounds == 2


def test_a_long_echo_is_dropped_too() -> None:
    assert Guest().says(b"210 cpumodel " + b"x" * 300 + b"\n") == ""


def test_an_overlong_line_is_one_error_however_it_arrives() -> None:
    guest = Guest()
    assert guest.says("x" * 5000) == ""
    assert guest.says("y" * 5000 + "\nphyscpus\n") == "400 bad request\r\n210 physcpus 8\r\n"


def test_a_line_may_have_128_bytes() -> None:
    line = "GET load".ljust(MAX_LINE)
    assert Guest().says(f"{line}\n") == "210 load 0.42\r\n"
    assert Guest().says(f"{line} \n") == "400 bad request\r\n"


# -- limits --------------------------------------------------------------------------------------


def test_a_query_an_interval_and_the_rest_of_the_time_is_told() -> None:
    guest = Guest()
    assert guest.says("load\n").startswith("210")
    guest.now += 0.25
    assert guest.says("load\n") == "429 too soon retry=0.8\r\n"
    guest.now += 0.74
    assert guest.says("load\n") == "429 too soon retry=0.1\r\n"
    guest.now += 0.01
    assert guest.says("load\n").startswith("210")


def test_asking_too_soon_does_not_restart_the_clock() -> None:
    guest = Guest()
    guest.says("load\n")
    for _ in range(4):
        guest.now += 0.2
        guest.says("load\n")
    guest.now += 0.2
    assert guest.says("load\n").startswith("210")


def test_only_an_answer_starts_the_clock() -> None:
    guest = Guest()
    for line in ("guests", "nonsense", "uptime"):
        guest.says(f"{line}\n")
    assert guest.says("load\n").startswith("210")


def test_a_reconnect_does_not_reset_the_clock() -> None:
    guest = Guest()
    guest.says("load\n")
    guest.reconnects()
    assert guest.says("load\n").startswith("429")


def test_a_new_rule_holds_for_the_time_since_the_last_query() -> None:
    guest = Guest()
    guest.says("load\n")
    guest.now += 10
    guest.terms.rule = replace(DEFAULT, interval_s=60.0)
    assert guest.says("load\n") == "429 too soon retry=50.0\r\n"
    guest.terms.rule = replace(DEFAULT, interval_s=5.0)
    assert guest.says("load\n").startswith("210")


def test_no_interval_is_no_limit() -> None:
    guest = Guest(FREE)
    assert guest.says("load\n" * 50).count("210 load") == 50


@pytest.mark.parametrize("verb", ["HELLO", "PING", "HELP", "LIST"])
def test_courtesies_cost_nothing_but_are_limited_each(verb: str) -> None:
    guest = Guest(replace(DEFAULT, interval_s=60.0))
    assert guest.says(f"{verb}\n")[0] == "2"
    assert guest.says(f"{verb}\n") == "429 too soon retry=1.0\r\n"
    assert guest.says("load\n").startswith("210")
    guest.now += 1
    assert guest.says(f"{verb}\n")[0] == "2"


def test_after_five_errors_there_is_silence_until_the_interval_ends() -> None:
    guest = Guest(replace(DEFAULT, interval_s=10.0))
    assert guest.says("no such thing\n" * 20).count("400") == ERRORS
    assert guest.says("load\n").startswith("210")
    guest.now += 9.9
    assert guest.says("load\n") == ""
    guest.now += 0.1
    assert guest.says("oh dear me\n") == "400 bad request\r\n"
    assert guest.terms.account.muted == 16
    assert sum(not e.told for e in guest.exchanges) == 16


def test_exchanges_are_noted_as_printable_text() -> None:
    guest = Guest()
    guest.says(b"\x1b]0;x\x07 \xff\nload\n")
    assert [(e.request, e.code) for e in guest.exchanges] == [("?]0;x? ?", 400), ("load", 210)]


def test_no_second_has_more_than_4_kib() -> None:
    account, now, read = Account(), 50.0, 0
    while now < 51.0:
        account.read(0, now)
        if account.left >= 256:
            account.read(256, now)
            read += 256
        now += 0.01
    assert 2048 <= read <= 4096


def test_a_flood_of_tiny_errors_uses_up_what_may_be_read() -> None:
    guest = Guest()
    guest.says("x y\n" * (ERRORS + 10))
    assert guest.terms.account.left == 2048 - 10 * 32


# -- accounts ------------------------------------------------------------------------------------


def test_a_guest_keeps_its_clock_when_its_uuid_becomes_known() -> None:
    ledger = Ledger()
    ledger.account("qemu-web").accept(100.0, 60.0)
    account = ledger.identify("qemu-web", "uuid-1")
    assert account.wait_s(110.0, 60.0) == 50.0
    assert account.queries == 1
    assert ledger.account("qemu-web") is account


def test_a_guest_that_comes_back_is_known_at_once() -> None:
    ledger = Ledger()
    ledger.identify("qemu-web", "uuid-1").accept(100.0, 60.0)
    ledger.prune(110.0, ())
    assert ledger.account("qemu-web").wait_s(110.0, 60.0) == 50.0


def test_two_sockets_of_a_domain_share_one_account() -> None:
    ledger = Ledger()
    assert ledger.identify("qemu-a", "uuid-1") is ledger.identify("qemu-b", "uuid-1")


def test_another_domain_of_the_same_name_has_its_own_account() -> None:
    ledger = Ledger()
    ledger.identify("qemu-web", "uuid-1").accept(100.0, 60.0)
    assert ledger.identify("qemu-web", "uuid-2").wait_s(101.0, 60.0) == 0.0


def test_accounts_of_guests_that_went_are_closed_when_they_hold_nothing_back() -> None:
    ledger = Ledger()
    for name in ("here", "gone", "held"):
        ledger.account(name).accept(100.0, 60.0 if name == "held" else 1.0)
    ledger.prune(105.0, {"here"})
    assert len(ledger) == 2
    ledger.prune(161.0, {"here"})
    assert len(ledger) == 1


def test_accounts_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vconsole.features.hostinfo.model.limiter.MAX_ABSENT", 10)
    ledger = Ledger()
    for number in range(50):
        ledger.account(str(number)).accept(100.0 + number, 1e6)
    ledger.prune(200.0, ())
    assert len(ledger) == 10
    assert ledger.account("49").accepted_at == 149.0


# -- whatever comes ------------------------------------------------------------------------------

LINE = re.compile(r"\d{3}[ -][\x20-\x7e]{0,249}\r\n")
TALK = st.lists(
    st.one_of(
        st.binary(max_size=300),
        st.sampled_from(
            [b"load\n", b"ALL\r", b"GET load guests\r\n", b"HELLO 1\n", b"\n", b"210 "]
        ),
    ),
    max_size=30,
)


@settings(max_examples=150, deadline=None)
@given(TALK, st.sampled_from([0.0, 1.0, 60.0]), st.booleans())
def test_whatever_comes_the_output_is_well_formed_and_bounded(
    pieces: list[bytes], interval_s: float, hide: bool
) -> None:
    guest = Guest(replace(DEFAULT, interval_s=interval_s, hide_denied=hide))
    output = "".join(guest.says(piece) for piece in pieces)
    assert LINE.sub("", output) == ""
    assert sum(e.told and e.code >= 400 for e in guest.exchanges) <= ERRORS
    assert guest.terms.account.queries <= 1 or not interval_s


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=600), st.integers(1, 64))
def test_how_the_bytes_are_cut_makes_no_difference(data: bytes, size: int) -> None:
    whole, pieces = Guest(), Guest()
    expected = whole.says(data)
    assert "".join(pieces.says(data[i : i + size]) for i in range(0, len(data), size)) == expected


@settings(max_examples=100, deadline=None)
@given(TALK)
def test_what_is_answered_is_never_answered_again_when_echoed(pieces: list[bytes]) -> None:
    guest = Guest(FREE)
    said = "".join(guest.says(piece) for piece in pieces)
    guest.reconnects()
    assert guest.says(said) == ""
