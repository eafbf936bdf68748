"""Actions: what becomes of a domain's name in a shell command, and commands kept within bounds."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vconsole.features.metrics.daemon import actions
from vconsole.features.metrics.daemon.actions import VALUE_BYTES, ActionPool, Run, environment
from vconsole.features.metrics.model.metric import Metric
from vconsole.features.metrics.model.sample import DomainSample
from vconsole.features.metrics.model.spec import MetricSpec, Variable
from vconsole.features.metrics.model.tokens import Subject, UnfitNameError, fill, warnings
from vconsole.features.metrics.model.values import decode, values

UUID = "11111111-1111-4111-8111-111111111111"
HOSTILE = "$(touch /tmp/x); a b' \"`id`\\|&<>*?#~!{a,b}[c]\t%s é"


def shell(action: str, name: str, uri: str | None = None) -> str:
    """What the action prints, run as the daemon would run it."""
    subject = Subject(uri, name, "7", UUID)
    command = fill(action, "vm", subject)
    environ = {**os.environ, **subject.environment()}
    done = subprocess.run(["/bin/sh", "-c", command], env=environ, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode("utf-8", "surrogateescape")


# -- tokens ----------------------------------------------------------------------------------------

PLACES = {
    "printf '%s|' NAME": "{}|",
    'printf "%s|" "NAME"': "{}|",
    "printf '%s|' 'NAME'": "{}|",
    "printf '%s|' x-NAME-y/NAME": "x-{0}-y/{0}|",
    "printf '%s|' 'it is: NAME; so' \"and $((1 + 1)) NAME\"": "it is: {0}; so|and 2 {0}|",
    "printf '%s|' a\"NAME\"'NAME'NAME": "a{0}{0}{0}|",
    "printf '%s|' \\\n  NAME # it's 'NAME": "{}|",
    "true && { printf '%s|' NAME; }": "{}|",
    "(printf '%s|' NAME) 2>&1 | cat": "{}|",
    "if true; then\n printf '%s|' NAME\nfi": "{}|",
    'printf \'%s|\' "$VHOSTMD_NAME" "$VHOSTMD_VMID"': "{}|7|",
    'sh -c \'printf "%s|" "$VHOSTMD_NAME"\'': "{}|",
    "printf '%s|' vmNAME lib_NAME.log": "vm{0}|lib_{0}.log|",
}


@pytest.mark.parametrize("action", PLACES)
@pytest.mark.parametrize("name", [HOSTILE, "gamma three", "plain-1.x", "é", "''", '"', "a'", "*"])
def test_a_name_is_one_piece_of_data_wherever_it_stands(action: str, name: str) -> None:
    assert shell(action, name) == PLACES[action].format(name)


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0\n/"), min_size=1, max_size=30))
@example("-n")
@example("..")
def test_any_name_is_printed_as_it_is_or_not_at_all(name: str) -> None:
    action = "printf '%s|' a'NAME'b \"NAME\" NAME"
    try:
        printed = shell(action, name)
    except UnfitNameError:
        assert name.startswith("-") or name in (".", "..")
    else:
        assert printed == f"a{name}b|{name}|{name}|"


@pytest.mark.parametrize(
    "action",
    [
        "sh -c 'echo NAME'",
        'bash -c "echo NAME"',
        "/bin/sh -c 'echo NAME'",
        "eval echo NAME",
        "ssh host virsh dominfo NAME",
        "awk '/NAME/ {print}' /dev/null",
        "awk '{print \"'NAME'\"}' /dev/null",
        "sed s,x,NAME, /dev/null",
        "perl -e 'print \"NAME\"'",
        "mysql -e \"select 'NAME'\"",
        "true | xargs -n1 echo NAME",
        "echo NAME | sh",
        "echo NAME | xargs rm",
        "echo NAME | while read x; do echo $x; done",
        "X=NAME; echo $X",
        "for x in NAME; do echo $x; done",
        "set -- NAME; echo $1",
        "NAME --version",
        "cat `echo NAME`",
        "cat $(printf %s NAME)",
        "cat <<END\nNAME\nEND",
        "cat <<'END'\nNAME\nEND",
        "echo $((NAME + 1))",
        "echo ${X:-NAME}",
        "echo \\NAME",
        "echo $'NAME'",
        'echo "NAME',
        'echo "$(case x in x) echo NAME;; esac)"',
        "echo `echo \\`echo NAME\\``",
    ],
)
def test_a_name_that_could_become_code_is_not_put_there(action: str) -> None:
    with pytest.raises(UnfitNameError, match="VHOSTMD_NAME"):
        fill(action, "vm", Subject(None, "a b", "1", UUID))
    assert any("unusual names" in text for text in warnings(action, "vm"))
    plain = fill(action, "vm", Subject(None, "vm-01.x", "1", UUID))
    assert plain == action.replace("NAME", "vm-01.x")


@pytest.mark.parametrize("name", ["-rf", "--help", "-", ".", ".."])
def test_a_name_is_no_option_and_no_directory(name: str) -> None:
    with pytest.raises(UnfitNameError, match="use UUID"):
        fill("cat /run/x/NAME NAME", "vm", Subject(None, name, "1", UUID))


OTHER_UUID = "f" + UUID[1:]


@pytest.mark.parametrize("name", ["-rf", "--help", "-", "12", OTHER_UUID])
def test_virsh_is_given_the_uuid_of_a_domain_whose_name_it_would_mistake(name: str) -> None:
    subject = Subject("qemu:///system", name, "1", UUID)
    assert UUID in fill("virsh CONNECT dominfo NAME | sed s/x/y/", "vm", subject)
    assert f'"{UUID}"' in fill('LANG=C /usr/bin/virsh dominfo "NAME"', "vm", subject)
    assert UUID not in fill("virsh dominfo NAME", "vm", Subject(None, "web-1", "1", UUID))
    assert UUID not in fill("virsh dominfo xNAME", "vm", Subject(None, "12", "1", UUID))


def test_the_other_tokens_are_put_in_as_vhostmd_does() -> None:
    subject = Subject("qemu:///system", "a b", "3", UUID)
    action = "virsh CONNECT domid UUID; echo 'VMID' HOSTNAME $NAME ${UUID} MY_UUID"
    assert fill(action, "vm", subject) == (
        f"virsh --connect 'qemu:///system' domid {UUID}; echo '3' HOSTNAME $NAME ${{UUID}} MY_UUID"
    )
    assert fill("virsh CONNECT version NAME", "host", Subject()) == "virsh  version NAME"
    hostile = Subject("qemu:///x'; touch y; '")
    assert fill("echo CONNECT", "host", hostile) == "echo --connect 'qemu:///x%27; touch y; %27'"


def test_a_token_within_an_inserted_name_stays() -> None:
    assert shell("printf %s 'NAME'", "VMID UUID NAME") == "VMID UUID NAME"
    assert shell("printf %s NAME", "VMID") == "VMID"


# -- commands --------------------------------------------------------------------------------------


@pytest.fixture
def pool() -> Iterator[ActionPool]:
    made = ActionPool(4)
    yield made
    made.stop()


async def run(pool: ActionPool, command: str, limit_s: float = 30.0, **more: str) -> Run:
    return await pool.shell(command, environment("/usr/bin:/bin", more), limit_s=limit_s)


async def test_output_and_status(pool: ActionPool) -> None:
    assert (await run(pool, "printf ab; cat")).output == b"ab"  # there is no input
    assert (await run(pool, "false | cat")).error == ""
    failed = await run(pool, "echo no such thing >&2; exit 3")
    assert (failed.output, failed.error) == (b"", "ended with status 3: no such thing")
    assert (await run(pool, "kill -15 $$")).error == "ended by signal 15"
    assert (await run(pool, "echo $PATH-$VHOSTMD_X", VHOSTMD_X="y")).output == b"/usr/bin:/bin-y\n"


async def test_a_program_that_is_not_there_is_an_error(pool: ActionPool) -> None:
    missing = await pool.run(("/no/such/program",), {}, limit_s=1)
    assert missing.error.startswith("cannot be run: ")
    assert "status 127" in (await run(pool, "no-such-command")).error


async def test_output_is_cut_where_vhostmd_cuts_it(pool: ActionPool) -> None:
    long = await run(pool, "printf %0300d 0")
    assert (len(long.output), long.cut, long.error) == (VALUE_BYTES, True, "")
    exact = await run(pool, f"printf %0{VALUE_BYTES}d 0")
    assert (len(exact.output), exact.cut) == (VALUE_BYTES, False)
    endless = await run(pool, "yes")
    assert "more than 64 KiB" in endless.error
    assert not endless.timed_out


async def test_a_hanging_command_is_ended_with_all_its_children(
    pool: ActionPool, tmp_path: Path
) -> None:
    gate, mark = tmp_path / "gate", tmp_path / "mark"
    child = f"(until test -e {gate}; do sleep 0.02; done; touch {mark})"
    began = time.monotonic()
    hung = await run(pool, f"{child} & sleep 60", limit_s=0.3)
    assert time.monotonic() - began < 50
    assert hung.timed_out
    assert hung.error == "took longer than 0.3 s and was ended"
    gate.touch()
    await asyncio.sleep(0.3)
    assert not mark.exists()


async def test_a_command_that_has_ended_was_in_time_however_late_that_is_seen(
    pool: ActionPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole machine stood still meanwhile."""

    def stood_still() -> float:
        for pid in tuple(pool._running):
            while not actions._has_ended(pid):
                time.sleep(0.005)
            return time.monotonic() + 100
        return time.monotonic()

    monkeypatch.setattr(actions, "monotonic", stood_still)
    done = await run(pool, "echo 1")
    assert (done.output, done.error, done.timed_out) == (b"1\n", "", False)


async def test_a_child_left_behind_holds_nothing_up(pool: ActionPool) -> None:
    began = time.monotonic()
    done = await run(pool, "sleep 30 & echo yes")
    assert (done.output, done.error) == (b"yes\n", "")
    assert time.monotonic() - began < 20


async def test_nothing_of_the_daemon_is_inherited(
    pool: ActionPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/systemd/notify")
    reader, writer = os.pipe()
    os.set_inheritable(reader, True)
    try:
        listed = await run(pool, "ls /proc/$$/fd; echo ${NOTIFY_SOCKET:-none}")
    finally:
        os.close(reader)
        os.close(writer)
    assert listed.output.split() == [b"0", b"1", b"2", b"none"]


async def test_commands_run_side_by_side(pool: ActionPool, tmp_path: Path) -> None:
    """Each waits until all four have begun."""
    wait = f"until [ $(ls {tmp_path} | wc -l) = 4 ]; do sleep 0.02; done"
    done = await asyncio.gather(*(run(pool, f"touch {tmp_path}/{n}; {wait}") for n in range(4)))
    assert not any(one.error for one in done)


async def test_stop_ends_what_runs(pool: ActionPool) -> None:
    hanging = asyncio.create_task(run(pool, "sleep 60", limit_s=60))
    async with asyncio.timeout(30):
        while not pool._running:
            await asyncio.sleep(0.01)
    pool.stop()
    assert (await asyncio.wait_for(hanging, 30)).error == "ended by signal 9"


# -- values ----------------------------------------------------------------------------------------

DOMAIN = DomainSample(4, UUID, "alpha")


def test_one_value() -> None:
    spec = MetricSpec("A", "string", "vm", "x", "KiB")
    expected = Metric("A", "5 6", "string", "vm", "KiB", 4, UUID)
    assert values(spec, " 5 6\n\n", DOMAIN, raw=False).metrics == (expected,)
    raw = values(MetricSpec("A", "string", "host", "x"), " 5\n", None, raw=True)
    assert raw.metrics == (Metric("A", " 5\n"),)


def test_a_value_of_another_type_is_published_and_reported() -> None:
    found = values(MetricSpec("A", "uint32", "host", "x"), "many", None, raw=False)
    assert found.metrics[0].value == "many"
    assert "'many' is no uint32" in found.problem


def test_a_group_is_split_by_position() -> None:
    members = (Variable("X", "real64"), Variable("Y", "uint64"), Variable("Z", "string"))
    spec = MetricSpec("G", "group", "host", "x", "s,KiB", members)
    found = values(spec, "1.5, 2,three\n", None, raw=False)
    assert [(m.name, m.type, m.value, m.unit) for m in found.metrics] == [
        ("X", "real64", "1.5", "s"),
        ("Y", "uint64", "2", "KiB"),
        ("Z", "string", "three", None),
    ]
    short = values(spec, "1,,", None, raw=False)
    assert [m.name for m in short.metrics] == ["X"]
    assert short.problem == "no value for Y, Z"
    same = values(MetricSpec("G", "group", "host", "x", "MiB", members), "1,2,3", None, raw=False)
    assert {m.unit for m in same.metrics} == {"MiB"}


XML = "<metric type='uint64' context='{}'{}><name>N</name><value>1</value></metric>"


def test_metrics_in_xml() -> None:
    host = MetricSpec("X", "xml", "host", "x")
    two = values(host, XML.format("host", "") * 2, None, raw=False)
    assert two.metrics == (Metric("N", "1", "uint64"),) * 2
    for output in ("", "5", "<metric>", "<metrics/>", XML.format("host", "")[:-3]):
        failed = values(host, output, None, raw=False)
        assert failed.metrics == ()
        assert failed.problem.startswith("its output is not metric XML: ")


def test_metrics_in_xml_belong_to_the_domain_that_was_asked_for() -> None:
    spec = MetricSpec("X", "xml", "vm", "x")
    other = "22222222-2222-4222-8222-222222222222"
    output = XML.format("vm", "") + XML.format("vm", f" id='9' uuid='{other}'")
    found = values(spec, output, DOMAIN, raw=False)
    assert [(m.domain_id, m.uuid) for m in found.metrics] == [(4, UUID)]
    assert "another domain" in found.problem


def test_output_is_text_up_to_a_nul_and_whole_characters() -> None:
    assert decode("aé".encode()[:-1]) == "a"
    assert decode(b"a\xffb\0c") == "a\ufffdb"
