"""hostinfo.conf: what it grants to whom, and what is said of mistakes."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.hostinfo_texts import PAGE, texts
from vconsole.features.hostinfo.model.grammar import KEYS, MAX_LINES, MAX_LISTED, MAX_RULES
from vconsole.features.hostinfo.model.patterns import MAX_WIDE, matches, unreached
from vconsole.features.hostinfo.model.rules import (
    DEFAULT,
    Diagnostic,
    Rules,
    caught,
    changed,
    parse,
)
from vconsole.features.hostinfo.model.statistics import STATISTICS


def diagnosed(text: str | bytes) -> list[str]:
    """Each diagnostic as ``E2:5 message``."""
    data = text if isinstance(text, bytes) else text.encode()
    return [
        f"{d.severity[0].upper()}{d.line}:{d.column} {d.message}" for d in parse(data).diagnostics
    ]


# ---- what is granted


def test_the_example_of_the_page() -> None:
    rules = parse(PAGE)
    assert rules.diagnostics == ()
    assert [stanza.pattern for stanza in rules.stanzas] == ["qemu-myguest", "qemu-*", "*"]
    mine, other, left = map(rules.effective, ("qemu-myguest", "qemu-web", "lxc-web"))
    assert (mine.interval_s, other.interval_s, left.interval_s) == (60, 30, 1)
    assert "physcpus" not in mine.permitted
    assert "physcpus" in other.permitted & left.permitted
    assert (mine.why("physcpus"), other.why("physcpus"), left.why("physcpus")) == (3, None, 10)
    assert (mine.line, mine.pattern, mine.why("interval")) == (1, "qemu-myguest", 2)


def test_without_a_rule_the_defaults() -> None:
    assert parse(b"").effective("qemu-web") is DEFAULT
    assert parse(b"qemu-db:\n").effective("qemu-web") is DEFAULT
    assert (DEFAULT.interval_s, DEFAULT.hide_denied) == (1.0, False)
    assert (DEFAULT.line, DEFAULT.pattern, DEFAULT.why("physcpus")) == (None, None, None)
    assert set(STATISTICS) - DEFAULT.permitted == {"guests", "hostname", "hypervisor", "libvirt"}


def test_nothing_is_inherited() -> None:
    rules = parse(b"qemu-a:\n hostname = 1\n*:\n interval = 60\n physcpus = 0\n")
    got = rules.effective("qemu-a")
    assert got.interval_s == 1.0
    assert got.permitted == DEFAULT.permitted | {"hostname"}


@pytest.mark.parametrize("name", STATISTICS)
def test_every_statistic_is_a_key(name: str) -> None:
    for value, granted in (("0", False), ("no", False), ("1", True), ("yes", True)):
        rules = parse(f"*:\n  {name} = {value}\n".encode())
        assert rules.diagnostics == ()
        effective = rules.effective("qemu-a")
        assert (name in effective.permitted) is granted
        assert effective.permitted ^ DEFAULT.permitted <= {name}
        assert effective.why(name) == 2


def test_what_is_denied_can_be_hidden() -> None:
    assert parse(b"*:\nhide_denied = 1\n").effective("qemu-a").hide_denied


def test_two_are_equal_that_grant_the_same() -> None:
    one, other = parse(b"*:\n interval = 5\n"), parse(b"# more\n\nqemu-*:\n\n interval = 5.0\n")
    assert one.effective("qemu-a") == other.effective("qemu-a")
    assert hash(one.effective("qemu-a")) == hash(other.effective("qemu-a"))
    assert one.effective("qemu-a").line != other.effective("qemu-a").line


def test_a_value_that_is_wrong_counts_as_none() -> None:
    rules = parse(b"*:\n interval = 5s\n hostname = yep\n physcpus = 0\n")
    got = rules.effective("qemu-a")
    assert (got.interval_s, got.permitted) == (1.0, DEFAULT.permitted - {"physcpus"})


@pytest.mark.parametrize(
    ("pattern", "name", "is_caught"),
    [
        ("qemu-web", "qemu-web", True),
        ("qemu-web", "qemu-Web", False),
        ("qemu-web", "qemu-web ", False),
        ("qemu-web", "qemu-web1", False),
        ("qemu-web?", "qemu-web ", True),
        ("qemu-*", "qemu-", True),
        ("*", "", True),
        ("*", "qemu-a\nb\u202e", True),
        ("qemu-[a-c]*", "qemu-bob", True),
        ("qemu-[!a-c]*", "qemu-bob", False),
        ("qemu-[ab", "qemu-[ab", True),
        ("a b:c", "a b:c", True),
        ("qemu-a#b", "qemu-a#b", True),
    ],
)
def test_names_are_matched_as_by_the_shell(pattern: str, name: str, is_caught: bool) -> None:
    stanza = parse(f"{pattern}:\n".encode()).match(name)
    assert (stanza is not None) is is_caught
    assert stanza is None or stanza.pattern == pattern


@given(texts(), st.text("qemu-ab", max_size=7))
def test_the_first_rule_that_matches_is_used(data: bytes, name: str) -> None:
    rules = parse(data)
    first = next((s for s in rules.stanzas if fnmatchcase(name, s.pattern)), None)
    assert rules.match(name) == first
    assert rules.effective(name).line == (first.line if first else None)


def test_the_names_that_a_rule_catches_are_counted() -> None:
    assert caught(parse(PAGE), ["qemu-myguest", "qemu-a", "qemu-b", "lxc-c"]) == (1, 2, 1)
    assert caught(parse(b"a:\na:\n"), ["a", "b"]) == (1, 0)


def test_a_change_is_told_by_what_guests_get() -> None:
    before, names = parse(PAGE), ["qemu-myguest", "qemu-a", "lxc-c"]
    assert changed(before, parse(b"# moved by a line\n" + PAGE), names) == frozenset()
    assert changed(before, parse(PAGE.replace(b"= 30", b"= 31")), names) == {"qemu-a"}
    assert changed(before, parse(b""), names) == {"qemu-myguest", "qemu-a"}


# ---- lossless


@given(st.binary())
def test_any_bytes_come_back(data: bytes) -> None:
    assert parse(data).to_bytes() == data


@given(texts())
def test_any_file_comes_back_and_every_place_is_in_it(data: bytes) -> None:
    rules = parse(data)
    assert rules.to_bytes() == data
    for found in rules.diagnostics:
        assert 1 <= found.line <= len(rules.lines)
        assert 1 <= found.column <= len(rules.lines[found.line - 1]) + 1
        assert found.message.isprintable()
    for stanza in rules.stanzas:
        assert rules.lines[stanza.line - 1] == stanza.header
        assert stanza.header.startswith(stanza.pattern)
        assert stanza.first <= stanza.line <= stanza.last
        for setting in stanza.settings:
            assert stanza.line < setting.line <= stanza.last
            assert f"{setting.key}" in rules.lines[setting.line - 1]


def test_lines_are_without_their_ends() -> None:
    assert parse(b"a:\r\n\n b = 1").lines == ("a:", "", " b = 1")
    assert parse(b"a:\n").lines == ("a:",)
    assert parse(b"").lines == ()


# ---- mistakes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("*:\n  intervall = 5\n", "W2:3 there is no key 'intervall': is it 'interval'?"),
        ("*:\n  Interval = 5\n", "E2:3 there is no key 'Interval': is it 'interval'?"),
        ("*:\n  xyzzy = 5\n", "W2:3 there is no key 'xyzzy'"),
        ("*:\n  physcpus = 2\n", "E2:14 physcpus is 0 or 1, not '2'"),
        ("*:\n  physcpus =\n", "E2:13 physcpus is 0 or 1, not ''"),
        ("*:\n  physcpus = 1#all\n", "E2:14 physcpus is 0 or 1, not '1#all'"),
        ("*:\n  hide_denied = on\n", "E2:17 hide_denied is 0 or 1, not 'on'"),
        ("interval = 5\n", "E1:1 'interval' stands before the first rule"),
        ("qemu-a\n", "E1:7 a colon is missing after 'qemu-a'"),
        ("qemu-a: interval = 5\n", "E1:21 a colon is missing after 'qemu-a: interval = 5'"),
        (":\n", "E1:1 a rule needs a name or a pattern before the colon"),
        ("*:\n  5 seconds\n", "E2:3 not understood: a setting is 'key = value'"),
        ("*:\n  qemu-a:\n", "E2:3 not understood: a setting is 'key = value'"),
        ("*:\n  phys-cpus = 0\n", "E2:3 not understood: a setting is 'key = value'"),
        (f"{'a' * 129}:\n", "E1:129 a pattern has at most 128 characters, not 129"),
        ("*:\n\tload = 1\n load = 0\n", "W3:2 load counts as it stands here, not as in line 2"),
        ("*:\r\n load = 1\r\n", "W1:1 lines end with CR LF; they are kept so"),
        ("# one\n*:\r\n load = 1\r\n", "W2:1 lines end with CR LF; they are kept so"),
        (b"# caf\xe9\n", "W1:6 the byte 0xe9, which is not UTF-8, does not belong here"),
        (b"caf\xe9:\n", "E1:4 the byte 0xe9, which is not UTF-8, does not belong here"),
        ("a\x1b[0m: # \x07\n", "E1:2 the control character U+001B does not belong here"),
        ("a:\n load\r = 1\n", "E2:2 not understood: a setting is 'key = value'"),
        ("a\rb:\n", "E1:2 the control character U+000D does not belong here"),
        ("# \u202e\n", "W1:3 the invisible character U+202E does not belong here"),
        ("\ufeff*:\n", "E1:1 the invisible character U+FEFF does not belong here"),
        ("*:\n\u00a0load = 1\n", "E2:1 the invisible character U+00A0 does not belong here"),
        ("a\x00:\n", "E1:2 the control character U+0000 does not belong here"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str | bytes, said: str) -> None:
    found = diagnosed(text)
    assert found[0].startswith(said)
    data = text if isinstance(text, bytes) else text.encode()
    assert parse(data).usable is all(line.startswith("W") for line in found)


@pytest.mark.parametrize(
    "value",
    [
        *"-1 +1 5s 1m 1e9 nan inf 0x10 1_0 1,5 .5 5. ٣ ½ 2147483648 9223372036854775808".split(),
        *("9" * 400, "1 2", "'5'", ""),
    ],
)
def test_an_interval_is_a_number_of_seconds_and_no_trick(value: str) -> None:
    (said,) = diagnosed(f"*:\n  interval = {value}\n")
    assert re.match(r"E2:1[34] interval is (a number of|less than 2147483648) seconds", said)
    assert len(said) < 130
    assert not parse(f"*:\ninterval = {value}\n".encode()).usable


@pytest.mark.parametrize("value", ["1", "0.5", "60", "2147483647", "007", "1.500"])
def test_an_interval_is_taken_as_it_stands(value: str) -> None:
    rules = parse(f"*:\n  interval = {value}\n".encode())
    assert rules.diagnostics == ()
    assert rules.effective("qemu-a").interval_s == float(value)


@pytest.mark.parametrize("value", ["0", "0.0", "0.0009", "00"])
def test_no_limit_is_possible_but_said(value: str) -> None:
    rules = parse(f"*:\n  interval = {value}\n".encode())
    message = f"interval {value} is no limit: a guest may ask as fast as it can"
    assert rules.diagnostics == (Diagnostic("warning", 2, 14, message),)
    assert rules.usable


def test_of_a_key_set_twice_the_last_line_counts() -> None:
    rules = parse(b"*:\n  interval = 5\n  interval = 60\n")
    assert rules.usable
    assert (rules.effective("a").interval_s, rules.effective("a").why("interval")) == (60, 3)


@pytest.mark.parametrize(
    ("earlier", "later", "is_told"),
    [
        ("qemu-a", "qemu-a", True),
        ("*", "qemu-[ab]?", True),
        ("qemu-*", "qemu-web*", True),
        ("qemu-*", "qemu-web", True),
        ("qemu-?[xy]", "qemu-ax", True),
        ("*-test-*", "qemu-*-test-1", True),
        ("*]", "[!]", True),
        ("qemu-web*", "qemu-*", False),
        ("qemu-*", "lxc-*", False),
        ("*b]", "[ab]", False),
        ("qemu-?", "qemu-*", False),
        ("[!a]", "*", False),
        ("qemu-A*", "qemu-a1", False),
    ],
)
def test_a_rule_that_is_never_used_is_told(earlier: str, later: str, is_told: bool) -> None:
    said = f"W3:1 this rule is never used: '{earlier}' in line 1 has all its names"
    assert diagnosed(f"{earlier}:\n load = 0\n{later}:\n") == [said] * is_told


@given(st.lists(st.text("ab*?[]!-", min_size=1, max_size=5), max_size=5), st.text("ab[]!-"))
def test_a_rule_said_to_be_never_used_never_is(patterns: list[str], name: str) -> None:
    found = unreached(patterns)
    first = next((place for place, p in enumerate(patterns) if matches(p, name)), None)
    assert first not in found
    for place, earlier in found.items():
        assert earlier < place
        assert matches(patterns[earlier], name) or not matches(patterns[place], name)


def test_only_so_many_wildcards_are_tried() -> None:
    patterns = [f"{n}*" for n in range(10, 10 + MAX_WIDE)]
    assert unreached([*patterns, f"{9 + MAX_WIDE}x", "last*", "last1"]) == {MAX_WIDE: MAX_WIDE - 1}


# ---- too much


def test_only_so_many_rules_lines_and_mistakes() -> None:
    assert parse(b"a:\n" + b" load = 0\n" * (MAX_LINES - 1)).usable
    assert diagnosed(b"\n" * (MAX_LINES + 1)) == [
        f"E{MAX_LINES + 1}:1 more than {MAX_LINES} lines are not read"
    ]
    rules = parse("".join(f"q{n}:\n" for n in range(MAX_RULES + 1)).encode())
    assert [str(d) for d in rules.diagnostics] == [
        f"line {MAX_RULES + 1}, column 1: more than {MAX_RULES} rules are not read"
    ]
    line = MAX_LISTED + 2
    for mistake, last in (
        (" load = 2 x\n", f"E{line}:9 further errors are not listed"),
        (" xyzzy = 1\n", f"W{line}:2 further warnings are not listed"),
    ):
        found = [d for d in diagnosed("*:\n" + mistake * (MAX_LISTED + 9)) if d[0] == last[0]]
        assert len(found) == MAX_LISTED + 1
        assert found[-1] == last


def test_errors_are_not_lost_behind_many_warnings() -> None:
    assert not parse(b"*:\n" + b" xyzzy = 1\n" * (MAX_LISTED + 9) + b" load = 2\n").usable


HOSTILE = {
    "brackets": b"[" * 1_000_000 + b":",
    "rules of wildcards": b"".join(b"*a*%d?[x]:\n" % n for n in range(70_000)),
    "long rules of wildcards": (b"*a" * 60 + b":\n") * 8_000,
    "blanks": b" " * 1_000_000 + b"x",
    "bad at the end": b"\t" * 1_000_000 + b"\x01",
    "one key": b"a:\n" + b"k" * 1_000_000 + b"=1",
    "one key so often": b"a:\n" + b" load=1\n" * 130_000,
    "unknown keys": b"a:\n" + b"".join(b" hostnam%d=1\n" % n for n in range(70_000)),
    "digits": b"a:\n interval = " + b"9" * 1_000_000,
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_no_file_takes_long(data: bytes) -> None:
    """A tenth of a second on an idle machine; what is quadratic takes minutes."""
    rules = parse(data)
    rules.effective("qemu-web1")
    assert rules.to_bytes() == data


# ---- the example


def test_the_example_file_shows_every_key_with_its_default() -> None:
    text = (Path(__file__).parents[2] / "packaging" / "hostinfo.conf").read_text("utf-8")
    assert parse(text.encode()).diagnostics == ()
    assert parse(text.encode()).effective("qemu-web1") is DEFAULT
    inside = re.sub(r"(?m)^#(?=\S|  \w+ = )", "", text)
    rules: Rules = parse(inside.encode())
    assert rules.usable
    everybody = rules.stanzas[0]
    assert sorted(setting.key for setting in everybody.settings) == sorted(KEYS)
    assert rules.effective("lxc-any") == DEFAULT


def test_the_statistics_are_named_by_their_names() -> None:
    assert all(name == statistic.name for name, statistic in STATISTICS.items())
    assert all(statistic.meaning.isprintable() for statistic in STATISTICS.values())
    assert not {"interval", "hide_denied"} & set(STATISTICS)
