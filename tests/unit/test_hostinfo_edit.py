"""Edits of hostinfo.conf: they do what was asked, and nothing to any other line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.hostinfo_texts import PAGE, texts
from vconsole.features.hostinfo.model.grammar import KEYS
from vconsole.features.hostinfo.model.rules import RuleError, Rules, parse

Content = list[tuple[str, list[tuple[str, str]]]]

PATTERNS = st.sampled_from(["qemu-new", "lxc-*", "a b:c", "[!x]?", "q-x=1"])


def said(rules: Rules) -> Content:
    """The rules without their places."""
    return [(s.pattern, [(t.key, t.value) for t in s.settings]) for s in rules.stanzas]


def bare(rules: Rules) -> list[str]:
    """The lines, without the ends, of which the last may have none."""
    return list(rules.lines)


def with_rule(data: bytes, draw: st.DataObject) -> tuple[Rules, int]:
    """Rules and the index of one of them; a file without any gets one."""
    rules = parse(data)
    rules = rules if rules.stanzas else rules.add_stanza("qemu-only")
    return rules, draw.draw(st.integers(0, len(rules.stanzas) - 1))


def is_closed(rules: Rules) -> bool:
    return rules.text.endswith("\n") or not rules.text


# ---- as an operator sees it


def test_a_value_is_changed_where_it_stands() -> None:
    after = parse(PAGE).set_value(0, "interval", "90")
    assert after.to_bytes() == PAGE.replace(b"= 60 ", b"= 90 ")
    assert after.effective("qemu-myguest").interval_s == 90


def test_a_new_key_stands_behind_the_last_in_the_same_way() -> None:
    after = parse(b"a:\r\n\tload = 1 # x\r\n\r\nb:\r\n").set_value(0, "interval", "5")
    assert after.to_bytes() == b"a:\r\n\tload = 1 # x\r\n\tinterval = 5\r\n\r\nb:\r\n"
    after = after.set_value(1, "load", "0")
    assert after.to_bytes().endswith(b"\r\nb:\r\n\tload = 0\r\n")
    assert parse(b"a:  # x").set_value(0, "load", "0").to_bytes() == b"a:  # x\n  load = 0"


def test_of_a_key_set_twice_the_one_that_counts_is_changed() -> None:
    rules = parse(b"a:\n load=1\n # or\n load=0\n")
    assert rules.set_value(0, "load", "1").to_bytes() == b"a:\n load=1\n # or\n load=1\n"
    assert rules.remove_value(0, "load").to_bytes() == b"a:\n # or\n"


def test_a_key_that_is_not_set_is_not_removed() -> None:
    assert parse(PAGE).remove_value(1, "physcpus") == parse(PAGE)


def test_a_rule_is_renamed_with_its_comment_kept() -> None:
    after = parse(PAGE).rename_stanza(0, "qemu-web[12]")
    assert after.to_bytes() == PAGE.replace(b"qemu-myguest:", b"qemu-web[12]:")
    assert parse(b"oops # x\n").rename_stanza(0, "a").to_bytes() == b"a: # x\n"
    assert parse(b"a : # x\n").rename_stanza(0, "b").to_bytes() == b"b : # x\n"
    assert parse(b":\n").rename_stanza(0, "b").to_bytes() == b"b:\n"


def test_rules_are_set_apart_by_a_blank_line() -> None:
    assert parse(b"").add_stanza("a").to_bytes() == b"a:\n"
    assert parse(b"a:\n").add_stanza("b").to_bytes() == b"a:\n\nb:\n"
    assert parse(b"a:\r\n load=0").add_stanza("b").to_bytes() == b"a:\r\n load=0\r\n\r\nb:"
    assert parse(b"# top\n").add_stanza("b").to_bytes() == b"# top\n\nb:\n"
    assert parse(b"# top\n\n# a\na:\n").add_stanza("b", 0).to_bytes() == b"# top\n\nb:\n\n# a\na:\n"
    assert parse(b"a:\n\n# end\n").add_stanza("b").to_bytes() == b"a:\n\nb:\n\n# end\n"


def test_a_rule_goes_with_its_comments_and_one_blank_line() -> None:
    text = b"# top\n\n# a\na:\n load=0\n # off\n\n# b\nb:\n\nc:\n"
    assert parse(text).delete_stanza(0).to_bytes() == b"# top\n\n# b\nb:\n\nc:\n"
    assert parse(text).delete_stanza(2).to_bytes() == text.removesuffix(b"\nc:\n")
    assert parse(b"a:\n\nb:").delete_stanza(1).to_bytes() == b"a:"
    assert parse(b"a:\n").delete_stanza(0).to_bytes() == b""


def test_a_copy_stands_below_and_changes_nothing() -> None:
    after = parse(b"# a\na: # x\n load=0").duplicate_stanza(0)
    assert after.to_bytes() == b"# a\na: # x\n load=0\n\n# a\na: # x\n load=0"
    assert [d.message for d in after.diagnostics] == [
        "this rule is never used: 'a' in line 2 has all its names"
    ]


def test_a_rule_moves_with_its_comments_and_blank_lines_stay() -> None:
    text = b"# top\n\n# a\na:\n load=0\n # off\n\n\n# ---- b ----\n\nb:\n# c\nc:"
    assert parse(text).move_stanza(0, 1).to_bytes() == (
        b"# top\n\nb:\n\n\n# ---- b ----\n\n# a\na:\n load=0\n # off\n# c\nc:"
    )
    assert parse(text).move_stanza(0, 2).to_bytes() == (
        b"# top\n\nb:\n\n\n# ---- b ----\n\n# c\nc:\n# a\na:\n load=0\n # off"
    )
    assert parse(text).move_stanza(2, -2).to_bytes() == (
        b"# top\n\n# c\nc:\n\n\n# ---- b ----\n\n# a\na:\n load=0\n # off\nb:"
    )


# ---- refusals


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("", "a rule needs a name or a pattern"),
        ("a\nb", "the control character U+000A cannot stand in a pattern: write ? for it"),
        ("a\tb", "the control character U+0009 cannot stand in a pattern: write ? for it"),
        ("a\x1b[m", "the control character U+001B cannot stand in a pattern: write ? for it"),
        ("a\u202eb", "the invisible character U+202E cannot stand in a pattern: write ? for it"),
        ("a\udcffb", "the byte 0xff, which is not UTF-8, cannot stand in a pattern"),
        ("qemu-a#b", "'#' begins a comment: write ? for it"),
        (" qemu-a", "a blank at the edge of a pattern is not seen: write ? for it"),
        ("qemu-a ", "a blank at the edge of a pattern is not seen: write ? for it"),
        ("interval = 1", "'interval = 1' reads as a setting, not as a pattern"),
        ("x" * 129, "a pattern has at most 128 characters, not 129"),
    ],
)
def test_a_pattern_is_refused_that_would_not_come_back(pattern: str, reason: str) -> None:
    for edit in (parse(PAGE).add_stanza, lambda new: parse(PAGE).rename_stanza(0, new)):
        with pytest.raises(RuleError) as error:
            edit(pattern)
        assert str(error.value).startswith(reason)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("interval", "5s", "interval is a number of seconds such as 30 or 0.5, not '5s'"),
        ("interval", "-1", "interval is a number of seconds such as 30 or 0.5, not '-1'"),
        ("interval", "5\n*:", "interval is a number of seconds such as 30 or 0.5, not '5\\n*:'"),
        ("interval", "5 # x", "interval is a number of seconds such as 30 or 0.5, not '5 # x'"),
        ("interval", "2147483648", "interval is less than 2147483648 seconds, not '2147483648'"),
        ("load", "1\n", "load is 0 or 1, not '1\\n'"),
        ("load", "", "load is 0 or 1, not ''"),
        ("lod", "1", "there is no key 'lod': is it 'load'?"),
        ("\x1b", "1", "there is no key '\\x1b'"),
    ],
)
def test_a_value_is_refused_before_anything_changes(key: str, value: str, reason: str) -> None:
    with pytest.raises(RuleError) as error:
        parse(PAGE).set_value(0, key, value)
    assert str(error.value) == reason


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda r: r.delete_stanza(3), "there is no rule 4"),
        (lambda r: r.duplicate_stanza(-1), "there is no rule 0"),
        (lambda r: r.rename_stanza(3, "a"), "there is no rule 4"),
        (lambda r: r.set_value(3, "load", "1"), "there is no rule 4"),
        (lambda r: r.remove_value(3, "load"), "there is no rule 4"),
        (lambda r: r.move_stanza(3, -1), "there is no rule 4"),
        (lambda r: r.move_stanza(0, -1), "rule 1 of 3 cannot move -1 places"),
        (lambda r: r.move_stanza(1, 2), "rule 2 of 3 cannot move +2 places"),
        (lambda r: r.add_stanza("a", 4), "a new rule cannot become number 5"),
    ],
)
def test_there_is_no_such_rule(edit: Callable[[Rules], Rules], reason: str) -> None:
    with pytest.raises(RuleError, match=f"^{reason.replace('+', '[+]')}$"):
        edit(parse(PAGE))


# ---- of any file


@given(texts(), st.data())
def test_setting_a_value_touches_one_line(data: bytes, draw: st.DataObject) -> None:
    before, index = with_rule(data, draw)
    key = draw.draw(st.sampled_from(KEYS))
    value = draw.draw(st.sampled_from(["0.25", "600"] if key == "interval" else ["0", "yes"]))
    after = before.set_value(index, key, value)
    place = next(t.line for t in reversed(after.stanzas[index].settings) if t.key == key) - 1
    stays = bare(after)[:place] + bare(after)[place + 1 :]
    if len(after.lines) == len(before.lines):
        assert stays == bare(before)[:place] + bare(before)[place + 1 :]
    else:
        assert stays == bare(before)
    assert is_closed(after) is is_closed(before)
    wanted = said(before)
    settings = wanted[index][1]
    places = [n for n, (k, _) in enumerate(settings) if k == key] or [len(settings)]
    settings[places[-1] : places[-1] + 1] = [(key, value)]
    assert said(after) == wanted


@given(texts(), st.data())
def test_removing_a_value_leaves_the_default(data: bytes, draw: st.DataObject) -> None:
    before, index = with_rule(data, draw)
    keys = {t.key for t in before.stanzas[index].settings}
    key = draw.draw(st.sampled_from(sorted(keys) or ["load"]))
    after = before.remove_value(index, key)
    gone = {t.line - 1 for t in before.stanzas[index].settings if t.key == key}
    assert bare(after) == [line for n, line in enumerate(before.lines) if n not in gone]
    wanted = said(before)
    wanted[index] = (wanted[index][0], [(k, v) for k, v in wanted[index][1] if k != key])
    assert said(after) == wanted


@given(texts(), PATTERNS, st.data())
def test_renaming_touches_the_header(data: bytes, pattern: str, draw: st.DataObject) -> None:
    before, index = with_rule(data, draw)
    line = before.stanzas[index].line - 1
    after = before.rename_stanza(index, pattern)
    assert bare(after)[:line] == bare(before)[:line]
    assert bare(after)[line + 1 :] == bare(before)[line + 1 :]
    wanted = said(before)
    wanted[index] = (pattern, wanted[index][1])
    assert said(after) == wanted


@given(texts(), PATTERNS, st.data())
def test_adding_and_deleting_leaves_the_rest(
    data: bytes, pattern: str, draw: st.DataObject
) -> None:
    before = parse(data)
    index = draw.draw(st.integers(0, len(before.stanzas)))
    after = before.add_stanza(pattern, index)
    wanted = said(before)
    assert said(after) == [*wanted[:index], (pattern, []), *wanted[index:]]
    place = after.stanzas[index].line - 1
    new = {place, place + 1 if index < len(before.stanzas) else place - 1}
    rest = [line for n, line in enumerate(after.lines) if n not in new]
    assert bare(before) in (rest, bare(after)[:-1])
    again = after.delete_stanza(index)
    assert [line for line in again.lines if line.strip()] == [
        line for line in before.lines if line.strip()
    ]
    assert said(again) == wanted


@given(texts(), st.data())
def test_deleting_takes_the_rule_and_one_blank_line(data: bytes, draw: st.DataObject) -> None:
    before, index = with_rule(data, draw)
    stanza = before.stanzas[index]
    after = before.delete_stanza(index)
    wanted = said(before)
    assert said(after) == wanted[:index] + wanted[index + 1 :]
    gone = Counter(bare(before)) - Counter(bare(after))
    own = Counter(before.lines[stanza.first - 1 : stanza.last])
    assert own <= gone
    assert [line.strip() for line in (gone - own).elements()] in ([], [""])
    assert not Counter(bare(after)) - Counter(bare(before))


@given(texts(), st.data())
def test_duplicating_changes_nothing_but_the_length(data: bytes, draw: st.DataObject) -> None:
    before, index = with_rule(data, draw)
    after = before.duplicate_stanza(index)
    wanted = said(before)
    assert said(after) == [*wanted[: index + 1], wanted[index], *wanted[index + 1 :]]
    last, length = before.stanzas[index].last, len(after.lines) - len(before.lines)
    assert bare(after)[:last] + bare(after)[last + length :] == bare(before)


@given(texts(), st.data())
def test_moving_there_and_back_is_nothing(data: bytes, draw: st.DataObject) -> None:
    before, index = with_rule(data, draw)
    target = draw.draw(st.integers(0, len(before.stanzas) - 1))
    after = before.move_stanza(index, target - index)
    wanted = said(before)
    wanted.insert(target, wanted.pop(index))
    assert said(after) == wanted
    assert sorted(after.lines) == sorted(before.lines)
    assert after.move_stanza(target, index - target).to_bytes() == before.to_bytes()


@given(texts(), st.data())
def test_what_is_edited_is_what_is_read_again(data: bytes, draw: st.DataObject) -> None:
    before, index = with_rule(data, draw)
    after = before.duplicate_stanza(index).move_stanza(index, 1).set_value(index, "load", "0")
    assert parse(after.to_bytes()) == after
