"""hostinfo.conf on the disk: what the daemon could not use is never written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.hostinfo_texts import PAGE
from vconsole.features.hostinfo.model.rules import RuleError, Rules, parse
from vconsole.features.hostinfo.rules_file import DEFAULT_PATH, load, save_rules
from vconsole.files.careful import SaveConflict
from vconsole.files.draft import difference


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / DEFAULT_PATH.name
    path.write_bytes(PAGE)
    return path


def test_rules_are_loaded_edited_and_saved(path: Path) -> None:
    loaded, rules = load(path)
    assert rules == parse(PAGE)
    saved = save_rules(path, rules.set_value(1, "interval", "45"), loaded)
    assert path.read_bytes() == PAGE.replace(b"= 30", b"= 45")
    assert load(path) == (saved, parse(path.read_bytes()))


def test_without_a_file_there_are_no_rules(tmp_path: Path) -> None:
    path = tmp_path / "hostinfo.conf"
    loaded, rules = load(path)
    assert (loaded.exists, rules) == (False, parse(b""))
    save_rules(path, rules.add_stanza("qemu-*"), loaded)
    assert path.read_bytes() == b"qemu-*:\n"


def test_a_file_with_an_error_is_shown_but_not_written(path: Path) -> None:
    path.write_bytes(b"qemu-a:\n  lod = 1\n  load = often\n")
    loaded, rules = load(path)
    assert [stanza.pattern for stanza in rules.stanzas] == ["qemu-a"]
    with pytest.raises(RuleError) as error:
        save_rules(path, rules.add_stanza("b"), loaded)
    reason = "line 3, column 10: load is 0 or 1, not 'often'"
    assert str(error.value) == f"{path}: not saved: {reason}"
    assert path.read_bytes() == loaded.data
    save_rules(path, rules.set_value(0, "load", "0"), loaded)


def test_what_is_written_is_what_is_checked(path: Path) -> None:
    loaded, _ = load(path)
    with pytest.raises(RuleError, match="line 1, column 1"):
        save_rules(path, Rules("interval = 1\n", (), ()), loaded)


def test_a_change_by_somebody_else_is_a_conflict(path: Path) -> None:
    loaded, rules = load(path)
    path.write_bytes(b"# theirs\n" + PAGE)
    with pytest.raises(SaveConflict) as error:
        save_rules(path, rules.delete_stanza(2), loaded)
    theirs = parse(error.value.current.data)
    assert difference(rules.to_bytes(), theirs.to_bytes(), "a", "b")[2:4] == (
        "@@ -1,3 +1,4 @@",
        "+# theirs",
    )


def test_a_difference_is_shown_line_by_line() -> None:
    rules = parse(PAGE)
    shown = difference(rules.to_bytes(), rules.set_value(1, "interval", "45").to_bytes(), "a", "b")
    assert [line for line in shown[2:] if line[0] in "+-"] == [
        "-  interval = 30",
        "+  interval = 45",
    ]
    assert difference(rules.to_bytes(), rules.to_bytes(), "a", "b") == ()
