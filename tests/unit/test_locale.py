"""What the locale and the environment say of the terminal's alphabet."""

from __future__ import annotations

import pytest

from vconsole.console.start import _speaks_unicode


class Utf8:
    encoding = "UTF-8"


@pytest.mark.parametrize(
    ("environ", "unicode"),
    [
        ({"LANG": "en_GB.UTF-8"}, True),
        ({"LANG": "C"}, False),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, False),  # the second is Python's own doing
        ({"LANG": "C.UTF-8", "TMUX": "/tmp/tmux"}, True),
        ({"LC_ALL": "POSIX", "LANG": "en_GB.UTF-8"}, False),
        ({"LC_CTYPE": "C", "LANG": "en_GB.UTF-8"}, False),
        ({"LC_CTYPE": "C.UTF-8"}, True),
        ({"LC_CTYPE": "C.UTF-8", "TMUX": "/tmp/tmux"}, False),
        ({"STY": "1.pts-0.host"}, False),
        ({"LANG": "en_GB.UTF-8", "TERM": "linux"}, False),
    ],
)
def test_glyphs_are_for_terminals_that_have_them(
    environ: dict[str, str], unicode: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "LC_CTYPE", "LANG", "TMUX", "STY", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout", Utf8())
    assert _speaks_unicode() is unicode
