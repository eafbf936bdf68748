"""Changes of several domains: those of one domain in order, and no further after a failure."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from vconsole.changes.run import AT_A_TIME, ChangeRun
from vconsole.features.lifecycle.model import Act
from vconsole.model.outcome import Status
from vconsole.model.request import Reply

DOMAINS = st.sampled_from("abc")
STATUSES = st.sampled_from(("applied", "failed", "refused", "conflict", "unknown", "rolled back"))


def acts(names: list[str]) -> list[Act]:
    """A change for each, told apart by its number."""
    return [Act(name, name, "suspend", str(n)) for n, name in enumerate(names)]


@given(st.lists(DOMAINS, max_size=40), st.lists(STATUSES, min_size=40, max_size=40), st.randoms())
def test_whatever_comes_back_in_whatever_order(
    names: list[str], statuses: list[Status], chance: Random
) -> None:
    asked: list[Act] = []
    wanted = acts(names)
    run = ChangeRun("suspend", wanted, asked.append)
    run.begin()
    failed: set[str] = set()
    answers = iter(statuses)
    while not run.done:
        assert len(run.under_way) <= AT_A_TIME
        busy = [change.uuid for change in run.under_way]
        assert len(set(busy)) == len(busy), "those of one domain one after the other"
        change = chance.choice(run.under_way)
        status = next(answers)
        assert run.replied(change, Reply(status))
        if status != "applied":
            failed.add(change.uuid)
    for name in set(names):
        mine = [change for change in wanted if change.uuid == name]
        begun = [change for change in asked if change.uuid == name]
        assert begun == mine[: len(begun)], "in their order"
        left = {run.replies[change].status for change in mine[len(begun) :]}
        assert left <= {"not tried"}
        assert bool(left) <= (name in failed), "only after a failure is something not tried"
        results = [run.replies[change].status for change in begun]
        assert all(status == "applied" for status in results[:-1])
    assert set(run.failed) == {c for c, reply in run.replies.items() if reply.status != "applied"}


def test_so_many_are_under_way_at_a_time_and_no_more() -> None:
    asked: list[Act] = []
    wanted = acts([f"d{n}" for n in range(AT_A_TIME + 2)])
    run = ChangeRun("suspend", wanted, asked.append)
    run.begin()
    assert asked == wanted[:AT_A_TIME]
    run.replied(wanted[0], Reply("failed"))
    assert asked == wanted[: AT_A_TIME + 1], "another domain is not hindered"


def test_a_reply_to_something_else_or_a_second_one_is_none_of_it() -> None:
    (one,) = acts(["a"])
    run = ChangeRun("suspend", [one], lambda change: None)
    run.begin()
    assert not run.replied(object(), Reply())
    assert run.replied(one, Reply("failed"))
    assert not run.replied(one, Reply("applied"))
    assert run.replies[one].status == "failed"


def test_reading_again_settles_what_was_unknown_and_nothing_else() -> None:
    (one, other) = acts(["a", "b"])
    run = ChangeRun("suspend", [one, other], lambda change: None)
    run.begin()
    run.replied(one, Reply("unknown", "no answer within 30 s"))
    run.settled(one, Reply("applied", "read again: it took effect"))
    run.settled(other, Reply("applied"))
    assert run.replies[one].message == "no answer within 30 s; read again: it took effect"
    assert other not in run.replies
