"""Texts of hostinfo.conf for tests: the page's example, and any that can be thought of."""

from __future__ import annotations

from hypothesis import strategies as st

PAGE = b"""\
qemu-myguest:              # this guest alone
  interval = 60            # once a minute
  physcpus = 0             # not for its eyes

qemu-*:                    # all others of this driver
  interval = 30

*:                         # whoever is left
  interval = 1
  physcpus = 1
"""
"""The rules of Fedora's page of 2009."""

_PIECES = (
    "qemu-a:",
    "qemu-*:",
    "qemu-[ab]?:  # two",
    "*:",
    "a b:c:",
    "no colon",
    ":",
    "  interval = 60",
    "\tinterval=0.5 # half",
    "interval = x",
    "  physcpus = 0",
    "physcpus = yes",
    "  hide_denied = 1",
    "  hostnme = 1",
    "  what is this",
    "# in the first column",
    "  # indented",
    "",
    "   ",
    "\x1b[31m",
    "  load = \u202e1",
    "caf\xe9-*:",
    "\udcff",
    "# \udc80",
    "a\rb:",
    "  load = 0\r",
)


def texts() -> st.SearchStrategy[bytes]:
    """Files with rules, comments and mistakes, with any mixture of line ends."""
    line = st.sampled_from(_PIECES) | st.text("qa*?[]!-:=# \t", max_size=8)
    ended = st.builds(str.__add__, line, st.sampled_from(["\n", "\n", "\n", "\r\n"]))
    last = line.map(lambda text: text.rstrip("\r"))  # a half line end would be made a whole one
    text = st.builds(lambda lines, last: "".join(lines) + last, st.lists(ended, max_size=14), last)
    return text.map(lambda whole: whole.encode("utf-8", "surrogateescape"))
