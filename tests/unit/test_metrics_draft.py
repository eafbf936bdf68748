"""vhostmd.conf while it is edited: saved, edited, changed by somebody else."""

from __future__ import annotations

import pytest

from tests.unit.vhostmd_conf import conf, metric
from vconsole.features.metrics.draft import Draft, builtin_spec
from vconsole.features.metrics.model.conf_text import ConfigError
from vconsole.features.metrics.model.config import PROFILES, profile
from vconsole.features.metrics.model.spec import MetricSpec
from vconsole.files.careful import Loaded

ONE = conf(metric("One", "echo 1"))
TWO = conf(metric("One", "echo 1"), metric("Two", "echo 2"))
THEIRS = Loaded(conf(metric("Theirs", "echo 3")), exists=True, inode=2)


def loaded(data: bytes = ONE) -> Loaded:
    return Loaded(data, exists=True, inode=1)


def test_nothing_is_staged_at_first_and_after_going_back() -> None:
    draft = Draft.of(loaded())
    assert not draft.staged
    edited = draft.edited(TWO)
    assert edited.staged
    assert [spec.name for spec in edited.metrics] == ["One", "Two"]
    assert edited.unedited() == draft
    assert draft.unedited() == draft
    assert draft.edited(ONE) is draft


def test_without_a_file_it_is_what_the_daemon_uses_instead() -> None:
    draft = Draft.of(Loaded())
    assert draft.data == profile(PROFILES[0])
    assert not draft.staged


def test_an_edit_of_what_it_says() -> None:
    draft = Draft.of(loaded()).changed(lambda document: document.set_enabled(0, False))
    assert [spec.enabled for spec in draft.metrics] == [False]
    assert any(line.startswith("+") and "vconsole-disabled" in line for line in draft.diff)


def test_what_is_not_valid_says_why_and_can_be_mended() -> None:
    draft = Draft.of(loaded()).edited(b"<vhostmd>")
    assert draft.error is not None
    assert (draft.document, draft.metrics) == (None, ())
    with pytest.raises(ConfigError):
        draft.changed(lambda document: document.remove(0))
    assert draft.edited(TWO).error is None


def test_what_was_saved_can_still_be_taken_back() -> None:
    saved = Draft.of(loaded()).edited(TWO).followed(loaded(TWO))
    assert not saved.staged
    assert saved.unedited().data == ONE


def test_somebody_else_is_followed_where_nothing_is_edited() -> None:
    draft = Draft.of(loaded())
    assert draft.followed(loaded()) is draft
    assert [spec.name for spec in draft.followed(THEIRS).metrics] == ["Theirs"]


def test_somebody_else_is_a_conflict_where_something_is() -> None:
    draft = Draft.of(loaded()).edited(TWO).followed(THEIRS)
    assert draft.theirs == THEIRS
    assert draft.data == TWO
    assert any("Theirs" in line for line in draft.their_diff)
    assert draft.followed(THEIRS) is draft
    assert draft.followed(loaded()).theirs is None


def test_a_conflict_is_decided_either_way() -> None:
    draft = Draft.of(loaded()).edited(TWO).followed(THEIRS)
    mine = draft.over_theirs()
    assert (mine.loaded, mine.data, mine.theirs) == (THEIRS, TWO, None)
    theirs = draft.taking_theirs()
    assert (theirs.data, theirs.staged) == (THEIRS.data, False)
    assert theirs.unedited().data == TWO


def test_a_built_in_metric_has_its_type_and_unit() -> None:
    assert builtin_spec("TotalPhyMem", "host") == MetricSpec(
        "TotalPhyMem", "uint64", "host", "builtin:TotalPhyMem", "MiB"
    )
    assert builtin_spec("ResourceProcessorLimit", "vm").type == "uint32"
    assert builtin_spec("SwappedInMemory", "host").builtin == "SwappedInMemory"
