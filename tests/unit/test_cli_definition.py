"""diff, persist, revert and edit from the command line, on libvirt's test driver."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from tests.logs import outcomes
from tests.unit.test_cli_commands import UUID, vconsole
from vconsole.cli import changing
from vconsole.features.definition import cli as commands
from vconsole.files.editor import Draft
from vconsole.model.request import Define, Reply

pytest.importorskip("libvirt")

TITLE = "    <title>front end</title>"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "vconsole"


def definition() -> str:
    import libvirt

    conn = libvirt.open("test:///default")
    try:
        return str(conn.lookupByName("test").XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
    finally:
        conn.close()


def titled() -> str:
    return definition().replace("</uuid>", f"</uuid>\n{TITLE}", 1)


def test_a_domain_that_runs_as_it_is_defined_differs_in_nothing() -> None:
    for words in (("test",), ("--all",)):
        done = vconsole("diff", *words, "--json")
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout)[0]["divergence"] == {
            "rows": [],
            "reason": "",
            "unread": False,
        }
    assert vconsole("diff", "test").stdout.split() == "Domain Area What Live Config Can".split()


@pytest.mark.parametrize("words", [(), ("test", "--all")])
def test_diff_wants_domains_or_all(words: tuple[str, ...]) -> None:
    done = vconsole("diff", *words)
    assert (done.returncode, done.stderr) == (2, "vconsole: name domains, or give --all\n")


@pytest.mark.parametrize("way", ["persist", "revert"])
def test_there_may_be_nothing_to_do(way: str) -> None:
    done = vconsole(way, "test", "memory")
    assert (done.returncode, done.stdout) == (0, "nothing to do\n")
    assert vconsole(way, "test", "nonsense").returncode == 2


def test_a_definition_from_the_input_is_defined_and_logged(state: Path) -> None:
    done = vconsole("edit", "test", "--file", "-", "--json", stdin=titled())
    assert (done.returncode, done.stderr) == (0, "")
    (result,) = json.loads(done.stdout)["changes"]
    assert (result["status"], result["when"]) == ("applied", "at the next start")
    assert f"+{TITLE[2:]}" in result["difference"] or f"+{TITLE}" in result["difference"]
    (entry,) = outcomes(state / "activity.jsonl")
    assert (entry["action"], entry["uuid"]) == ("edit the definition", UUID)


def test_an_edit_that_libvirt_drops_is_told() -> None:
    text = definition().replace("</uuid>", "</uuid >")
    done = vconsole("edit", "test", "--file", "-", stdin=text)
    assert "the edit means nothing to libvirt" in done.stdout


@pytest.mark.parametrize(("answer", "begun"), [("", "kept"), ("n", "defined")])
def test_a_text_that_was_kept_is_not_written_over_unasked(
    answer: str, begun: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = Draft(tmp_path / "x.xml")
    draft.keep("kept")
    monkeypatch.setattr("sys.stdin", StringIO(f"{answer}\n"))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setattr(commands, "run_editor", lambda name, data: data)
    assert commands._text(Namespace(file=None), "defined", draft) == begun


def test_a_dry_run_shows_the_difference_and_defines_nothing(state: Path) -> None:
    done = vconsole("edit", "test", "--file", "-", "--dry-run", stdin=titled())
    assert done.returncode == 0
    assert "front end" in done.stdout
    assert "virsh edit test" in done.stdout
    assert not (state / "activity.jsonl").exists()


def refusals() -> list[Any]:
    text = definition()
    return [
        (text.replace("<name>test<", "<name>other<"), "put test back"),
        (text.replace("</domain>", ""), "XML line"),
        ("", "XML line"),
        (text.replace(UUID, UUID[::-1]), "would define another domain"),
    ]


@pytest.mark.parametrize("number", range(4))
def test_what_is_no_definition_of_the_domain_is_refused(number: int) -> None:
    text, reason = refusals()[number]
    done = vconsole("edit", "test", "--file", "-", stdin=text)
    assert done.returncode == 3
    assert reason in done.stderr


def test_libvirt_has_the_last_word() -> None:
    text = definition().replace("<memory unit='KiB'>", "<memory unit='nonsense'>", 1)
    done = vconsole("edit", "test", "--file", "-", stdin=text)
    assert done.returncode == 1
    assert "failed" in done.stdout


def test_read_only_and_without_a_terminal_nothing_is_edited(tmp_path: Path) -> None:
    done = vconsole("edit", "test", "-r", "--file", "-", stdin=titled())
    assert (done.returncode, done.stdout) == (3, "")
    assert "read-only" in done.stderr
    done = vconsole("edit", "test")
    assert done.returncode == 2
    assert "--file" in done.stderr
    done = vconsole("edit", "test", "--file", str(tmp_path / "none"))
    assert done.returncode == 1
    assert "none" in done.stderr


def test_the_same_text_is_no_change() -> None:
    done = vconsole("edit", "test", "--file", "-", stdin=definition() + "\n\n")
    assert (done.returncode, done.stdout) == (0, "nothing was changed\n")


ODD_NIC = """<node><domain type='test'><name>odd</name>
<uuid>98df7267-6567-43f1-9995-8f997b39cc7c</uuid>
<memory unit='MiB'>128</memory><vcpu>2</vcpu><os><type>hvm</type></os>
<devices><interface type='network'><mac address='52:54:00:11:22:33'/><source network='default'/>
<target dev='my net'/></interface></devices></domain></node>"""
"""libvirt 9 to 12 takes it, and its own schema does not."""


def test_a_definition_that_never_validated_is_told_from_an_edit_that_does_not(
    tmp_path: Path,
) -> None:
    node = tmp_path / "node.xml"
    node.write_text(ODD_NIC)
    uri = f"test://{node}"
    before = _inactive(uri)
    after = before.replace("</uuid>", f"</uuid>\n{TITLE}", 1)
    done = vconsole("edit", "odd", "--file", "-", stdin=after, uri=uri)
    assert done.returncode == 1
    assert "does not validate: Extra element devices in interleave; Element domain" in done.stdout
    assert "it did not validate before this change either" in done.stdout
    assert "--skip-validate defines it without validation" in done.stderr
    done = vconsole("edit", "odd", "--file", "-", "--skip-validate", stdin=after, uri=uri)
    assert (done.returncode, done.stderr) == (0, "")
    text = definition().replace("<memory unit='KiB'>", "<memory unit='nonsense'>", 1)
    done = vconsole("edit", "test", "--file", "-", stdin=text)
    assert "Extra element memory in interleave" in done.stdout
    assert "without this change it validates" in done.stdout


class Typed(StringIO):
    """What a person types at a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "done"), [("y\n", 2), ("n\n", 0), ("", 0)])
def test_at_a_terminal_it_is_asked_and_what_waited_for_it_goes_on(
    answer: str, done: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The question is where it is seen: `input` would write it to descriptor 2, which is hidden."""
    first, second = (Define("u", "odd", f"edit {n}", "<a/>", f"<{n}/>") for n in "bc")
    refused = Reply("failed", "does not validate", replace(first, validate=False))
    replies = {first: refused, second: Reply("not tried", "after a failure")}
    screen = Typed()
    monkeypatch.setattr("sys.stdin", Typed(answer))
    monkeypatch.setattr("sys.stdout", screen)
    wanted = changing._offered(Namespace(json=False), replies, (first, second))
    assert "define it without validation, as virsh edit does? y/N" in screen.getvalue()
    assert [(c.what, c.validate) for c in wanted.values() if isinstance(c, Define)] == [
        ("edit b", False),
        ("edit c", False),
    ][:done]


def _inactive(uri: str) -> str:
    import libvirt

    conn = libvirt.open(uri)
    try:
        return str(conn.lookupByName("odd").XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
    finally:
        conn.close()
