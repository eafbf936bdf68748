"""Whether a change helped: the windows before and after it, and the file that keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import scenes
from vconsole.changes.proofs import FILE_NAME, Proofs, from_json, to_json
from vconsole.features.pins.proof_words import proof_notes
from vconsole.model.host_state import Freshness, HostState, Locality, Usage
from vconsole.model.placement import locality_percent
from vconsole.model.proof import WINDOW_S, Mean, Proof, Watch

HOST = scenes.kvm07()
UUID = scenes.uuid_of("shop-web-2")
OTHER = next(d.uuid for d in HOST.domains if d.active and d.uuid != UUID)


def at(
    seconds: float, cpu: float | None = 100.0, wait: float | None = 10.0, host: HostState = HOST
) -> HostState:
    """A reading of the host."""
    usage: Mapping[str, Usage] = {u: Usage(cpu, (), wait) for u in (UUID, OTHER)}
    return replace(host, usage=usage, freshness=Freshness(read_at=seconds))


def watched(*readings: HostState) -> Watch:
    watch = Watch()
    for reading in readings:
        assert watch.read(reading, {UUID}) == []
    return watch


def begun(watch: Watch) -> Proof:
    watch.begun(UUID)
    (proof,) = watch.ended(UUID, "a")
    return proof


def test_before_is_the_mean_by_time_of_the_last_half_minute() -> None:
    old = [at(second, 900.0, 900.0) for second in (0, 10, 20)]
    watch = watched(*old, at(40, 100.0, 30.0), at(50, 400.0, 0.0))
    before = begun(watch).before
    assert (before.seconds, before.cpu_percent, before.wait_percent) == (30, 200, 20)
    assert before.locality_percent is not None


def test_after_fills_and_then_ends() -> None:
    watch = watched(at(0), at(2))
    begun(watch)
    watch.read(at(4, 999.0), {UUID})  # partly of the time before
    watch.read(at(6, 999.0), {UUID})  # as bulk statistics may still be
    watch.read(at(8, 300.0, 1.0), ())  # followed though it left the screen
    proof = watch.proof("a")
    assert proof is not None
    assert proof.filling
    assert (proof.after.seconds, proof.after.cpu_percent) == (6, 300)
    (ended,) = [p for s in range(10, 60, 2) for p in watch.read(at(s, 300.0, 1.0), ())]
    assert ended.after.seconds == WINDOW_S
    assert (ended.after.wait_percent, ended.filling) == (1, False)
    assert watch.proof("a") is None


def test_where_its_memory_lies_is_true_at_once() -> None:
    watch = watched(at(0), at(2))
    begun(watch)
    watch.read(at(4), {UUID})
    proof = watch.proof("a")
    assert proof is not None
    assert proof.after.locality_percent is not None
    assert proof.after.cpu_percent is None
    cell = next(c.id for c in HOST.cells if c.pcpus)
    for share in (1, 3):
        lies = {UUID: Locality({cell: share, 99: 4 - share}, 0.0)}
        host = replace(HOST, locality=lies)
        watch.read(at(4.0 + share, host=host), {UUID})
        proof = watch.proof("a")
        assert proof is not None
        pins = HOST.domain(UUID)
        assert pins is not None
        assert proof.after.locality_percent == locality_percent(pins, host)


def test_readings_a_minute_apart_still_compare() -> None:
    watch = watched(at(0), at(60, 50.0))
    assert begun(watch).before.seconds == 60
    assert watch.read(at(120, 999.0), {UUID}) == []
    (ended,) = watch.read(at(180, 70.0), {UUID})
    assert (ended.after.seconds, ended.after.cpu_percent) == (120, 70)


def test_unknown_stays_unknown() -> None:
    watch = watched(at(0, None, None), at(2, None, None))
    before = begun(watch).before
    assert (before.cpu_percent, before.wait_percent) == (None, None)


def test_a_stale_reading_and_one_shown_again_count_for_nothing() -> None:
    stale = replace(at(20, 999.0), freshness=Freshness(read_at=20, stale_since=3.0))
    watch = watched(at(0), at(2), at(2, 999.0), stale)
    assert begun(watch).before == begun(watched(at(0), at(2))).before


def test_a_domain_shut_off_ends_its_window_early() -> None:
    watch = watched(at(0), at(2))
    begun(watch)
    watch.read(at(10), {UUID})
    off = [replace(d, state="shut off") if d.uuid == UUID else d for d in HOST.domains]
    (ended,) = watch.read(at(12, host=replace(HOST, domains=tuple(off))), {UUID})
    assert ended.after.seconds == 8
    gone = replace(HOST, domains=tuple(d for d in HOST.domains if d.uuid != UUID))
    watch = watched(at(0), at(2))
    begun(watch)
    assert [p.id for p in watch.read(at(4, host=gone), {UUID})] == ["a"]


def test_a_second_change_ends_the_first_and_is_compared_with_it() -> None:
    watch = watched(at(0, 900.0), at(2, 900.0))
    begun(watch)
    for second in (4, 10, 12):
        watch.read(at(second, 100.0), {UUID})
    watch.begun(UUID)
    watch.read(at(13, 999.0), {UUID})  # while it is made: of neither
    first, second_one = watch.ended(UUID, "b")
    assert (first.id, first.after.cpu_percent) == ("a", 100)
    assert (second_one.id, second_one.before.cpu_percent) == ("b", 100)


def test_a_change_that_was_not_made_leaves_no_trace() -> None:
    watch = watched(at(0), at(2))
    watch.begun(UUID)
    assert watch.ended(UUID) == []
    assert watch.close() == []
    watch.read(at(4), {UUID})
    assert begun(watch).before.seconds == 4


def test_what_left_the_screen_is_forgotten_after_a_window() -> None:
    watch = Watch()
    watch.read(at(0), {UUID, OTHER})
    watch.read(at(10), {OTHER})
    assert watch._rings.keys() == {UUID, OTHER}
    watch.read(at(31), {OTHER})
    assert watch._rings.keys() == {OTHER}


def test_of_a_domain_out_of_sight_the_last_reading_counts() -> None:
    watch = Watch()
    for second in (0, 2):
        watch.read(at(second, 100.0), {OTHER})
    before = begun(watch).before
    assert (before.seconds, before.cpu_percent) == (2, 100)
    assert before.locality_percent is not None
    watch.begun(UUID)  # again, with no reading since: nothing is known of the time between
    assert watch.ended(UUID, "b")[-1].before == Mean()


def test_closing_says_how_long_it_is() -> None:
    watch = watched(at(0), at(2))
    begun(watch)
    watch.read(at(9), {UUID})
    (proof,) = watch.close()
    assert proof.after.seconds == 7


def test_in_words() -> None:
    proof = Proof("a", Mean(30, 12.4, 310.2, 41, 1250.4), Mean(12, None, 5, 100), filling=True)
    assert [words for words, _ in proof_notes(proof)] == [
        " before  30 s        wait  12 %  switches  1250/s  CPU   310 %  locality  41 %",
        " after   12 of 30 s  wait     -  switches       -  CPU     5 %  locality 100 %",
    ]
    assert "  12 s  " in list(proof_notes(replace(proof, filling=False)))[1][0]


# ---- the file

PROOF = Proof("a", Mean(30, 12.5, 310, 41, 12.5), Mean(30, 0, 305, None))


def test_it_survives_a_restart_and_the_longer_window_counts(tmp_path: Path) -> None:
    history = tmp_path / "pins.jsonl"
    proofs = Proofs(history)
    begins = replace(PROOF, after=Mean())
    late = proofs.add([begins])
    proofs.write(proofs.add([PROOF]))
    proofs.write(late)  # two threads write as they come
    assert proofs.of("a") == PROOF
    assert Proofs(history).of("a") == PROOF
    assert Proofs(history).of("b") is None
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o777 == 0o600


def test_a_half_written_line_is_passed_over(tmp_path: Path) -> None:
    line = to_json(PROOF)
    (tmp_path / FILE_NAME).write_text(f"{line}\nnull\n[]\n\n{line.replace('a', 'b')[:60]}")
    proofs = Proofs(tmp_path / "pins.jsonl")
    assert proofs.of("a") == PROOF
    other = replace(PROOF, id="c")
    proofs.write(proofs.add([other]))
    assert Proofs(tmp_path / "pins.jsonl").of("c") == other


def test_a_place_that_cannot_be_written_costs_only_the_file(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()
    for proofs in (Proofs(tmp_path / "pins.jsonl"), Proofs(None)):
        proofs.write(proofs.add([PROOF]))
        assert proofs.of("a") == PROOF


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    )
)
@pytest.mark.parametrize("field", ["id", "before", "after", "seconds", "cpu_percent"])
def test_a_spoiled_line_is_unknown_or_numbers(field: str, value: object) -> None:
    import json

    good = json.loads(to_json(PROOF))
    good["before"] = {**good["before"], field: value}
    if field in good:
        good[field] = value
    proof = from_json(json.dumps(good))
    if proof is not None:
        assert isinstance(proof.id, str)
        assert proof.before.seconds >= 0
        assert list(proof_notes(proof))
