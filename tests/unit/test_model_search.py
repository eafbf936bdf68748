"""The filter and the sort orders of the list."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import scenes
from tests.unit.model_hosts import domain, host
from vconsole.cli.report import plain, with_columns
from vconsole.features.domains.columns import COLUMNS, SORTS, TERMS, rows, sort_rows
from vconsole.features.domains.model import Query, Row
from vconsole.model.column import Column, natural
from vconsole.model.host_state import Domain, HostState, Locality, Usage

WEB = replace(domain("Web-01", ["0", "1"]), title="Shop FRONT end")
DB = replace(domain("db", ["4", "-"]), autostart=False)
OFF = domain("web-off", ["-"], state="shut off")
NEW = Domain("0f00ba12-0000-0000-0000-000000000000", "new")
HOST_STATE = host(WEB, DB, OFF, NEW)


def found(text: str) -> list[str]:
    query, seen = Query.parse(text, TERMS), rows(HOST_STATE.domains, HOST_STATE)
    matching = [row.domain.name for row in seen if query.matches(row)]
    assert matching == [row.domain.name for row in query.select(seen)]
    return matching


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ["Web-01", "db", "web-off", "new"]),
        ("web", ["Web-01", "web-off"]),
        ("WEB front", ["Web-01"]),
        ("0f00ba", ["new"]),
        ("-web", ["db", "new"]),
        ("-", ["Web-01", "db", "web-off", "new"]),
        ("state:running", ["Web-01", "db"]),
        ("state:r web", ["Web-01"]),
        ("state:shutoff", ["web-off"]),
        ("state:shut-off", ["web-off"]),
        ("-state:running", ["web-off", "new"]),
        ("state:", ["Web-01", "db", "web-off", "new"]),
        ("cell:0", ["Web-01", "db", "web-off"]),
        ("cell:1", ["db", "web-off"]),
        ("cell:1-7", ["db", "web-off"]),
        ("pinned:yes", ["Web-01", "db"]),
        ("pinned:full", ["Web-01"]),
        ("pinned:part", ["db"]),
        ("pinned:no", ["web-off"]),
        ("auto:yes", ["Web-01", "web-off"]),
        ("auto:no", ["db"]),
        ("AUTO:NO", ["db"]),
        ("web state:running cell:0 pinned:yes", ["Web-01"]),
    ],
)
def test_filters(text: str, names: list[str]) -> None:
    assert found(text) == names
    assert not Query.parse(text, TERMS).problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("web colour:red", "no term 'colour': there are state: auto: cell: pinned:"),
        ("web state:asleep", "no state begins with 'asleep'"),
        ("web cell:x", "no cell 'x': write cell:1 or cell:0-1"),
        ("web pinned:maybe", "pinned is yes, no, part or full, not 'maybe'"),
        ("web auto:1", "auto is yes or no, not '1'"),
    ],
)
def test_what_is_not_understood_is_said_and_the_rest_still_matches(text: str, problem: str) -> None:
    assert Query.parse(text, TERMS).problem == problem
    assert found(text) == ["Web-01", "web-off"]


@given(st.text())
def test_no_text_is_too_strange(text: str) -> None:
    query = Query.parse(text, TERMS)
    assert query.problem.isprintable()
    query.select(rows(HOST_STATE.domains, HOST_STATE))


def test_ten_thousand_domains_are_searched() -> None:
    domains = tuple(Domain(f"{n:032x}", f"shop-web-{n}", title="Shop front") for n in range(10_000))
    query = Query.parse("web-99", TERMS)
    assert len(query.select(rows(domains, HOST_STATE))) == 111


# ---- sorting


def order(column: str, host_state: HostState = HOST_STATE, *, reverse: bool = False) -> list[str]:
    seen = rows(host_state.domains, host_state)
    return [row.domain.name for row in sort_rows(seen, column, reverse=reverse)]


def test_names_sort_as_people_count() -> None:
    names = ["web-10", "web-2", "Web-1", "web", "10", "9", "web-02", "a" + "1" * 5000]
    shuffled = tuple(Domain(str(n), name) for n, name in enumerate(names))
    assert order("name", replace(HOST_STATE, domains=shuffled)) == [
        "9",
        "10",
        "a" + "1" * 5000,
        "web",
        "Web-1",
        "web-2",
        "web-02",
        "web-10",
    ]


def test_the_unknown_is_last_in_both_directions() -> None:
    usage = {WEB.uuid: Usage(12.0), DB.uuid: Usage(80.0), OFF.uuid: Usage()}
    host_state = replace(HOST_STATE, usage=usage)
    assert order("cpu", host_state) == ["Web-01", "db", "new", "web-off"]
    assert order("cpu", host_state, reverse=True) == ["db", "Web-01", "new", "web-off"]


def test_equals_are_in_order_of_name_in_both_directions() -> None:
    assert order("memory") == ["db", "Web-01", "web-off", "new"]
    assert order("memory", reverse=True) == ["db", "Web-01", "web-off", "new"]


@pytest.mark.parametrize(
    ("column", "names"),
    [
        ("state", ["db", "Web-01", "web-off", "new"]),
        ("cells", ["Web-01", "db", "web-off", "new"]),
        ("pins", ["web-off", "db", "Web-01", "new"]),
        ("autostart", ["Web-01", "web-off", "db", "new"]),
        ("title", ["Web-01", "db", "new", "web-off"]),
    ],
)
def test_columns(column: str, names: list[str]) -> None:
    assert order(column) == names


@pytest.mark.parametrize("column", SORTS)
@pytest.mark.parametrize("scene", [scenes.kvm07, scenes.hostile, scenes.sixteen_cells])
def test_every_column_sorts_every_scene(column: str, scene: object) -> None:
    assert callable(scene)
    host_state: HostState = scene()
    for reverse in (False, True):
        result = sort_rows(rows(host_state.domains, host_state), column, reverse=reverse)
        assert {row.domain.uuid for row in result} == {d.uuid for d in host_state.domains}


def test_those_that_wait_longest_come_first() -> None:
    usage = {WEB.uuid: Usage(wait_percent=0.0), DB.uuid: Usage(wait_percent=31.0)}
    host_state = replace(HOST_STATE, usage=usage)
    assert order("wait", host_state, reverse=SORTS["wait"].falls) == [
        "db",
        "Web-01",
        "new",
        "web-off",
    ]


@pytest.mark.parametrize("column", [c for c in COLUMNS if c.json], ids=lambda c: str(c.id))
def test_the_json_has_the_value_of_every_column(column: Column[Row]) -> None:
    row = Row(WEB, replace(HOST_STATE, usage={WEB.uuid: Usage(12.0)}))
    found = with_columns(COLUMNS, row, {**plain(WEB), "usage": plain(row.usage)})
    for name in column.json.split("."):
        found = found[name]


def test_memory_that_lies_all_elsewhere_is_coloured() -> None:
    measured = {WEB.uuid: Locality({1: 1 << 30}, 0.0)}
    row = Row(WEB, replace(HOST_STATE, locality=measured))
    assert {c.id: c.cell(row) for c in COLUMNS}["locality"] == ("0%", "warn")


@given(st.text(), st.text())
def test_natural_keys_compare(one: str, other: str) -> None:
    assert (natural(one) < natural(other)) or (natural(other) <= natural(one))
