"""``vconsole hostinfo`` on libvirt's test driver: words, JSON and exit codes; and the daemons."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from tests.logs import outcomes
from tests.unit.hostinfo_port import bench
from tests.unit.test_cli_commands import answer, vconsole
from tests.unit.test_layering import loaded_by
from vconsole.cli.arguments import subcommand
from vconsole.features.hostinfo.cli import hostinfo
from vconsole.features.hostinfo.daemon import rulebook, status

pytest.importorskip("libvirt")

PTY = "<serial type='pty'><target port='0'/></serial>"
UNIX = "<serial type='unix'><source mode='bind' path='/var/lib/hostinfo/test-{}'/></serial>"
HOSTILE = "evil\u202ename"
DOMAINS = {
    "plain": PTY,
    "bare": "",
    "served": PTY + UNIX.format("served"),
    "wrong": UNIX.format("other"),
    HOSTILE: PTY,
}
RULES = """\
test-served:
  interval = 60
  physcpus = 0
test-pl*:
  interval = 0.5
  hostname = 1
  load = 0
  hide_denied = 1
"""


def uuid(name: str) -> str:
    """Known, as each connection to such a file has a host of its own."""
    return f"00000000-0000-4000-8000-{list(DOMAINS).index(name):012}"


@pytest.fixture
def host(tmp_path: Path) -> str:
    """A host of the test driver with a domain of each kind."""
    domains = "".join(
        f"<domain type='test'><name>{escape(name)}</name><uuid>{uuid(name)}</uuid>"
        "<memory>65536</memory><vcpu>1</vcpu><os><type>hvm</type></os>"
        f"<devices>{devices}</devices></domain>"
        for name, devices in DOMAINS.items()
    )
    file = tmp_path / "node.xml"
    file.write_text(f"<node>{domains}</node>", "utf-8")
    return f"test://{file}"


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    path = tmp_path / "hostinfo.conf"
    path.write_text(RULES)
    return path


# -- check -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code", "lines"),
    [
        (RULES, 0, []),
        (
            "*:\n  hostnme = 1\n",
            0,
            ["{}:2:3: warning: there is no key 'hostnme': is it 'hostname'?"],
        ),
        (
            "physcpus = 0\n*:\n  load = x\n",
            1,
            [
                "{}:1:1: error: 'physcpus' stands before the first rule",
                "{}:3:10: error: load is 0 or 1, not 'x'",
            ],
        ),
    ],
    ids=["sound", "warning", "errors"],
)
def test_check_says_what_is_wrong_a_line_each_and_where(
    conf: Path, text: str, code: int, lines: list[str]
) -> None:
    conf.write_text(text)
    done = vconsole("hostinfo", "check", str(conf), uri="nosuch:///host")
    assert (done.returncode, done.stderr) == (code, "")
    assert done.stdout.splitlines() == [line.format(conf) for line in lines]


def test_check_of_what_cannot_be_read_fails(tmp_path: Path) -> None:
    for path, said in (("no\x1b[2Jsuch", "no such file"), (".", "is a directory")):
        done = vconsole("hostinfo", "check", str(tmp_path / path))
        assert (done.returncode, done.stdout) == (1, "")
        (line,) = done.stderr.splitlines()
        assert said in line
        assert line.isprintable()


# -- show, status, explain -------------------------------------------------------------------


def test_show_has_port_rule_interval_and_what_is_permitted(host: str, conf: Path) -> None:
    words = ("hostinfo", "show", "--hostinfo-conf", str(conf), "--status-socket", "/nonexistent/s")
    done = vconsole(*words, uri=host)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(line.isprintable() for line in done.stdout.splitlines())
    rules, service, titles, *rows = done.stdout.splitlines()
    assert rules == f"{conf}: 2 rules"
    assert service.startswith("/nonexistent/s: hostinfod does not run: systemctl start ")
    assert titles.split()[:4] == ["domain", "port", "rule", "every"]
    cells = {row.split()[0]: " ".join(row.split()[1:]) for row in rows}
    assert cells["plain"] == "off test-pl* 0.5 s default - load + hostname - -"
    assert cells["served"] == "on test-served 60 s default - physcpus - -"
    assert cells["bare"] == "off built in 1 s default - -"
    assert cells["wrong"].startswith("wrong built in 1 s default - - serial port")
    assert "this domain's is '/var/lib/hostinfo/test-wrong': repair it" in cells["wrong"]
    assert "evil\\u202ename" in cells


def test_show_as_json_is_the_same_with_the_diagnostics(host: str, conf: Path) -> None:
    conf.write_text(RULES + "  loda = 1\n")
    words = ("hostinfo", "show", "--domain", "plain", "--hostinfo-conf", str(conf))
    report = answer(*words, uri=host)
    assert report["rules"] == {
        "path": str(conf),
        "exists": True,
        "usable": True,
        "diagnostics": [
            {
                "severity": "warning",
                "line": 9,
                "column": 3,
                "message": "there is no key 'loda': is it 'load'?",
            }
        ],
    }
    (domain,) = report["domains"]
    assert (domain["uuid"], domain["name"]) == (uuid("plain"), "plain")
    assert (domain["socket"], domain["port"], domain["service"]) == ("test-plain", "disabled", None)
    rule = domain["rule"]
    assert (rule["pattern"], rule["line"], rule["interval_s"]) == ("test-pl*", 4, 0.5)
    assert "hostname" in rule["permitted"]
    assert "load" not in rule["permitted"]
    assert rule["hide_denied"] is True


async def test_show_has_what_the_daemon_counts() -> None:
    async with bench() as made:
        port = await made.port("test-test")
        async with made.running():
            assert (await port.ask("physcpus")).startswith("210")
            assert (await port.ask("physcpus")).startswith("429")
            words = ("hostinfo", "show", "--status-socket", str(made.status))
            conf = ("--hostinfo-conf", str(made.conf))
            told = await asyncio.to_thread(answer, *words, *conf)
            text = await asyncio.to_thread(vconsole, *words, *conf)
    assert told["service_problem"] == ""
    assert told["service"]["rules"]["path"] == str(made.conf)
    assert told["rules"]["exists"] is False
    counted = told["domains"][0]["service"]
    assert (counted["queries"], counted["refusals"], counted["state"]) == (1, 1, "connected")
    assert counted["rule"].keys() == told["domains"][0]["rule"].keys()
    rules, service, _, row = text.stdout.splitlines()
    assert rules == f"{made.conf}: not there, no rules"
    assert service.startswith("hostinfod runs, rules in force ")
    assert row.split()[-2:] == ["1", "1"]


def test_rules_that_somebody_else_could_have_put_there_are_not_shown(host: str, conf: Path) -> None:
    conf.chmod(0o666)
    done = vconsole("hostinfo", "show", "--hostinfo-conf", str(conf), uri=host)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith("everybody may change it: chmod o-w " + f"{conf}\n")


def test_status_says_where_or_why_not(host: str) -> None:
    done = vconsole("hostinfo", "status", "served", "wrong", "plain", uri=host)
    assert done.returncode == 0
    rows = [" ".join(row.split()) for row in done.stdout.splitlines()[1:]]
    assert rows[0] == "served on port 1: /var/lib/hostinfo/test-served"
    assert rows[1].startswith("wrong wrong serial port 0 is '/var/lib/hostinfo/test-other'")
    assert rows[2] == "plain off"
    served, *_ = answer("hostinfo", "status", "served", uri=host)
    assert served["serials"] == [
        {"path": "/var/lib/hostinfo/test-served", "port": 1, "type": "unix", "mode": "bind"}
    ]
    assert len(answer("hostinfo", "status", "--all", uri=host)) == len(DOMAINS)


def test_explain_has_the_reply_to_each_query_and_the_line_that_decides(conf: Path) -> None:
    conf.write_text("test-web*:\n  interval = 60 # seldom\n  physcpus = 0\n  guests = 1\n")
    words = ("--demo", "hostinfo", "explain", "web-01", "--hostinfo-conf", str(conf))
    done = vconsole(*words)
    assert (done.returncode, done.stderr) == (0, "")
    head, port, _, hello, physcpus, *rest = (" ".join(s.split()) for s in done.stdout.splitlines())
    assert head == f"test-web-01: rule test-web* in line 1 of {conf}"
    assert port == "it receives nothing: port off"
    assert hello == "HELLO 220 hostinfo 1 interval=60 line 2: interval = 60 # seldom"
    assert physcpus == "physcpus 403 physcpus not permitted line 3: physcpus = 0"
    assert any(s.startswith("memtotal 210 memtotal ") and s.endswith(" MiB default") for s in rest)
    assert any(s.startswith("cpubusy 210 cpubusy ") for s in rest)
    assert any(
        s.startswith("guests 210 guests ") and s.endswith("line 4: guests = 1") for s in rest
    )
    assert "hostname 403 hostname not permitted default" in rest
    assert rest[-1].endswith("to hostinfod: vmcputime, vmsteal"), "no process runs it"


def test_explain_as_json_on_a_host_that_is_elsewhere(host: str, conf: Path) -> None:
    report = answer("hostinfo", "explain", "plain", "--hostinfo-conf", str(conf), uri=host)
    answers = {found["request"]: found for found in report["answers"]}
    assert answers["load"] == {
        "request": "load",
        "reply": ["404 load unknown"],
        "line": 7,
        "permitted": False,
        "text": "load = 0",
    }
    assert answers["physcpus"]["reply"] == ["503 physcpus unavailable"]
    assert {"physcpus", "hostname"} <= set(report["unknown"])


def test_rules_with_errors_explain_nothing(host: str, conf: Path) -> None:
    conf.write_text("*:\n  interval = soon\n")
    done = vconsole("hostinfo", "explain", "plain", "--hostinfo-conf", str(conf), uri=host)
    assert done.returncode == 1
    assert f"{conf}:2:14: error: interval is a number of seconds" in done.stdout
    assert (
        done.stderr == f"vconsole: {conf}: hostinfod uses no rules with errors: mend them first\n"
    )


# -- enable, disable, repair -----------------------------------------------------------------


def test_a_dry_run_shows_the_difference_and_changes_nothing() -> None:
    done = vconsole("--read-only", "hostinfo", "enable", "test", "--dry-run")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "test: would enable hostinfo"
    assert lines[1].startswith("  caution: it becomes the only serial port")
    assert "  +      <source mode='bind' path='/var/lib/hostinfo/test-test'/>" in lines
    assert lines[-1] == "a change takes effect at the next start of the domain"
    (result,) = answer("hostinfo", "enable", "test", "--dry-run")
    assert (result["status"], result["port"]) == ("planned", "enabled")
    assert [line for line in result["diff"] if line.startswith("-")] == []


def test_each_domain_has_a_result_and_what_is_so_already_is_done(host: str) -> None:
    done = vconsole("hostinfo", "enable", "plain", "served", "bare", "plain", uri=host)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "plain: done, hostinfo is enabled",
        "served: nothing to do, hostinfo is enabled",
        "bare: done, hostinfo is enabled",
        "  caution: it becomes the only serial port, which libvirt makes the first console: "
        "reach another by 'virsh console --devname console1'",
        "a change takes effect at the next start of the domain",
    ]


def test_each_change_is_written_to_the_activity_log(
    host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    log = tmp_path / "vconsole" / "activity.jsonl"
    assert vconsole("hostinfo", "enable", "plain", "--dry-run", uri=host).returncode == 0
    assert not log.exists()
    assert vconsole("hostinfo", "enable", "plain", "served", "wrong", uri=host).returncode == 3
    (entry,) = outcomes(log)
    assert (entry["name"], entry["uuid"]) == ("plain", uuid("plain"))
    assert (entry["action"], entry["outcome"]) == ("enable hostinfo", "applied")
    assert "/var/lib/hostinfo/test-plain" in entry["after"]


@pytest.mark.parametrize(
    ("words", "code", "statuses"),
    [
        # bare, evil, plain, served, wrong
        (("enable", "--all"), 3, "applied applied applied unchanged refused"),
        (("disable", "--all"), 0, "unchanged unchanged unchanged applied applied"),
        (("repair", "--all"), 0, "unchanged unchanged unchanged unchanged applied"),
        (("enable", "plain", "--port", "0"), 3, "refused"),
        (("enable", "served", "--port", "2"), 3, "refused"),
        (("enable", "plain", "--port", "2"), 0, "applied"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bulk_goes_on_after_a_refusal(
    host: str, words: tuple[str, ...], code: int, statuses: str
) -> None:
    done = vconsole("hostinfo", *words, "--json", uri=host)
    assert (done.returncode, done.stderr) == (code, "")
    results = json.loads(done.stdout)
    assert [result["status"] for result in results] == statuses.split()
    after = "disabled" if words[0] == "disable" else "enabled"
    assert {r["port"] for r in results if r["status"] == "applied"} <= {after}
    assert all(r["message"] for r in results if r["status"] == "refused")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--read-only", "hostinfo", "enable", "test"), 3, "read-only: --read-only was given"),
        (("hostinfo", "enable"), 2, "hostinfo enable needs domains, or --all"),
        (("hostinfo", "status", "--all", "test"), 2, "hostinfo status needs domains, or --all"),
        (("hostinfo", "enable", "test", "nosuch"), 1, "no domain 'nosuch'"),
        (("hostinfo", "disable", "test", "--port", "1"), 2, "unrecognized arguments"),
        (("hostinfo", "show", "test"), 2, "unrecognized arguments"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_done_says_why_in_one_line(
    words: tuple[str, ...], code: int, said: str
) -> None:
    done = vconsole(*words)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


# -- the daemons -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ("hostinfod -d -c URI", ("hostinfod", "-d -c URI")),
        ("-c hostinfod vhostmd -v", ("vhostmd", "-c hostinfod -v")),
        ("--connect=URI hostinfo check FILE", ("hostinfo", "--connect=URI check FILE")),
        ("--demo", (None, "--demo")),
        ("", (None, "")),
    ],
)
def test_the_program_is_the_first_word_that_is_no_value(
    arguments: str, found: tuple[str | None, str]
) -> None:
    word, others = subcommand(arguments.split())
    assert (word, " ".join(others)) == found


def test_the_defaults_are_those_of_the_daemon() -> None:
    """The arguments have them, too, so that other commands need not import the daemon's rooms."""
    assert (hostinfo.CONF, hostinfo.STATUS_SOCKET) == (rulebook.CONF, status.SOCKET)


@pytest.mark.parametrize("name", ["hostinfod", "vhostmd"])
def test_daemons_take_their_own_options_and_do_without_the_interface(name: str) -> None:
    done = vconsole(name, "--no-such-option")
    assert done.returncode == 2
    assert f"usage: vconsole {name} " in done.stderr
    statement = (
        f"import sys\nsys.argv[1:] = [{name!r}, '--help']\n"
        "from vconsole.__main__ import main\ntry:\n main()\nexcept SystemExit: pass"
    )
    assert not loaded_by(statement) & {
        "textual",
        "vconsole.console.app",
        "vconsole.screens",
        "libvirt",
    }
