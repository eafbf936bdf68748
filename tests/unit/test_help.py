"""The help, a word for what was mistyped, and what a shell offers at tab."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.parsers import argument_help, argument_words, leaves, own
from tests.commands import command
from vconsole.cli.arguments import Parser, meant
from vconsole.cli.complete import parser_for
from vconsole.cli.console import console_parser, described, overview
from vconsole.cli.main import parser
from vconsole.registry import DAEMONS, GROUPS, SUBCOMMANDS

COMPLETIONS = Path(__file__).parent.parent.parent / "packaging" / "completions"


def vconsole(*words: str) -> subprocess.CompletedProcess[str]:
    return command(*words)


# -- help ------------------------------------------------------------------------------------


def test_every_subcommand_is_in_the_help_once_and_in_a_group() -> None:
    words = {*SUBCOMMANDS, *DAEMONS}
    assert sorted(word for group in GROUPS.values() for word in group) == sorted(words)
    assert words == {word for word, help_ in described() if help_}
    lines = [line.split()[0] for line in overview().splitlines() if line.startswith("    ")]
    assert all(lines.count(word) >= 1 for word in words)
    assert overview() in console_parser().format_help()


def test_every_command_and_argument_says_what_it_is() -> None:
    silent = [
        f"{name} {argument_words(argument)}"
        for name, words, leaf in leaves(parser())
        for argument in own(leaf)
        if not words or not argument_help(argument)
    ]
    assert silent == []


def test_the_help_fits_a_narrow_terminal() -> None:
    assert max(map(len, overview().splitlines())) <= 80


# -- mistyped --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("shwo", "domains"), "there is no command 'shwo': did you mean show?"),
        (("hostinfd",), "there is no command 'hostinfd': did you mean hostinfod?"),
        (("xyzzy",), "there is no command 'xyzzy'"),
        (("net", "mvoe"), "invalid choice: 'mvoe': did you mean move?"),
        (("show", "domians"), "invalid choice: 'domians': did you mean domains?"),
        (("show", "domains", "--jsno"), "unrecognized arguments: --jsno: did you mean --json?"),
        (("jobs", "--demo"), "--demo: vconsole --demo COMMAND, where it means something there"),
        (("--asci", "--nothing"), "unrecognized arguments: --nothing"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_mistyped_word_is_answered_with_the_right_one(words: tuple[str, ...], said: str) -> None:
    done = vconsole(*words)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith(said)


@pytest.mark.parametrize(
    "message",
    [
        "argument WHAT: invalid choice: 'hots' (choose from 'host', 'cells')",  # up to 3.11
        "argument WHAT: invalid choice: 'hots' (choose from host, cells)",  # since 3.12
    ],
)
def test_the_words_of_every_python_are_understood(message: str) -> None:
    said = "argument WHAT: invalid choice: 'hots': did you mean host?"
    assert meant(message, Parser()) == said
    other = message.replace("hots", "zzz")
    assert meant(other, Parser()) == other


# -- tab -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "prog"),
    [
        ("vconsole ", "vconsole"),
        ("vconsole sho", "vconsole"),
        ("vconsole -c qemu:///system show ", "vconsole"),
        ("vconsole show --demo", "vconsole"),
    ],
)
def test_the_parser_of_a_line(line: str, prog: str) -> None:
    found = parser_for(line)
    assert found.prog == prog
    (commands,) = (a for a in found._actions if a.choices)
    assert ("pin" in (commands.choices or ())) == ("show" not in line.split())


def offered(shell: str, line: str) -> list[str]:
    """What a shell itself offers, by the script that is installed for it."""
    scripts = {
        "bash": f"""source {COMPLETIONS}/vconsole
            COMP_LINE={line!r} COMP_POINT={len(line)} COMP_TYPE=9
            _python_argcomplete vconsole; printf '%s\\n' "${{COMPREPLY[@]}}" """,
        "fish": f"source {COMPLETIONS}/vconsole.fish; complete -C {line!r}",
    }
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        [shell, "-c", scripts[shell]],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return [word.partition("\t")[0].strip() for word in done.stdout.splitlines()]


SHELLS = [shell for shell in ("bash", "fish") if shutil.which(shell)]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("vconsole sh", ["show", "shutdown"]),
        ("vconsole hostinf", ["hostinfo", "hostinfod"]),
        ("vconsole --demo start web-", ["web-01", "web-02", "web-03", "web-04"]),
        ("vconsole --demo show domain dns", ["dns-01", "dns-02"]),
        ("vconsole --demo metrics show --as cache", ["cache-01", "cache-02"]),
        ("vconsole vhostmd --prof", ["--profile"]),
        ("vconsole -c nosuch:///x start web", []),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_shell_offers_commands_options_and_domains(
    shell: str, line: str, words: list[str]
) -> None:
    assert sorted(filter(None, offered(shell, line))) == words


def test_nothing_is_offered_where_nobody_knows() -> None:
    """A file of the directory is no number of a vCPU."""
    assert not [*filter(None, offered("bash", "vconsole pin web --vcpu "))]


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("tune web --live shares=5 --dry-run", "rows", ["shares=5"]),
        ("tune web --live", "rows", []),
        ("memory web --live 6GiB", "size", 6 << 20),
        ("profile apply night --live web", "domains", ["web"]),
        ("show domains -c test:///default", "name", None),
    ],
)
def test_what_may_be_left_out_may_stand_behind_an_option(
    line: str, name: str, value: object
) -> None:
    words = line.split()
    assert getattr(parser(words[0]).parse_args(words), name) == value
