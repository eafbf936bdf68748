"""Prints what was found by checks, and says by the exit code whether something does not work."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import Thread

from vconsole.cli.report import DONE, FAILED, print_json
from vconsole.model.diagnosis import GLYPHS, Check, failed
from vconsole.text import fit, safe

LIMIT_S = 10.0
"""So long one subject may take: a daemon or a file that hangs is a finding."""
HANGS = "what would be told next hangs: a daemon, or a file on a server that is away"
BROKEN = "a fault of vconsole's: the rest holds all the same; please report it"


def within(look: Callable[[], Iterable[Check]], limit_s: float = LIMIT_S) -> list[Check]:
    """What was found in time; what goes wrong, or takes too long, is the last finding."""
    found: list[Check] = []
    ended: list[Check | None] = []

    def run() -> None:
        try:
            found.extend(look())
            ended.append(None)
        except Exception as error:  # the edge: a check that fails is a finding
            ended.append(Check("check", "fail", f"{type(error).__name__}: {error}", BROKEN))

    thread = Thread(target=run, daemon=True)
    thread.start()
    thread.join(limit_s)
    if not ended:
        return [*found, Check("check", "fail", f"no answer within {limit_s:g} s", HANGS)]
    return [*found, *filter(None, ended)]


def print_checks(sections: Mapping[str, Sequence[Check]], as_json: bool) -> int:
    """Print them, and answer the exit code."""
    every = [check for checks in sections.values() for check in checks]
    if as_json:
        print_json({"sound": not failed(every), "sections": sections})
        return FAILED if failed(every) else DONE
    for title, checks in sections.items():
        print(title)
        for check in checks:
            print(f"{GLYPHS[check.verdict]} {fit(safe(check.name), 16)} {safe(check.reason)}")
            if check.cure and check.verdict != "ok":
                print(f"{'':19}-> {safe(check.cure)}")
        print()
    count = {verdict: sum(c.verdict == verdict for c in every) for verdict in GLYPHS}
    print(f"{count['ok']} sound, {count['warn']} with less, {count['fail']} not working")
    return FAILED if failed(every) else DONE
