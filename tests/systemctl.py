"""Programs that answer as systemctl(1) and journalctl(1) do, for units whose state is in files."""

from __future__ import annotations

from pathlib import Path

SYSTEMCTL = """#!/bin/sh
state={state}
echo "$@" >>"$state/asked"
[ -e "$state/down" ] && {{ cat "$state/down" >&2; exit 1; }}
verb=; unit=; now=
for word; do case $word in
  --now) now=yes;;
  --property) ;;
  -*) ;;
  *.service) unit=$word;;
  *) [ -n "$verb" ] || verb=$word;;
esac; done
if [ "$verb" = show ]; then
  [ -e "$state/$unit" ] || {{ echo LoadState=not-found; exit; }}
  echo LoadState=loaded; echo FragmentPath=/lib/systemd/system/$unit
  echo "Names=$unit hostinfo.service"; echo "StateChangeTimestamp=Sat 2026-11-28 12:00:00 UTC"
  cat "$state/$unit"; exit
fi
[ -e "$state/no-rights" ] && {{
  echo "Failed to $verb unit: Interactive authentication required." >&2; exit 1; }}
set_() {{ sed -i "s/^$1=.*/$1=$2/" "$state/$unit"; }}
alive=active; [ -e "$state/dies" ] && alive=failed
case $verb in
  enable) set_ UnitFileState enabled; [ -z "$now" ] || set_ ActiveState $alive;;
  disable) set_ UnitFileState disabled; [ -z "$now" ] || set_ ActiveState inactive;;
  start|restart|reload) set_ ActiveState $alive;;
  stop) set_ ActiveState inactive;;
esac
"""
JOURNALCTL = """#!/bin/sh
[ -e {state}/journal ] && cat {state}/journal
"""
UNIT = """\
ActiveState={active}
SubState={sub}
UnitFileState={enabled}
MainPID=0
NRestarts=0
Result=success
StatusText=
"""


class Machine:
    """A machine with systemd; `path` is to be looked in before all others."""

    def __init__(self, place: Path) -> None:
        self.path, self.state = place / "bin", place / "state"
        self.path.mkdir()
        self.state.mkdir()
        for name, text in (("systemctl", SYSTEMCTL), ("journalctl", JOURNALCTL)):
            program = self.path / name
            program.write_text(text.format(state=self.state))
            program.chmod(0o755)

    def install(self, unit: str, active: str = "inactive", enabled: str = "disabled") -> None:
        """Have a unit."""
        sub = "running" if active == "active" else "dead"
        (self.state / unit).write_text(UNIT.format(active=active, sub=sub, enabled=enabled))

    def mark(self, name: str, text: str = "") -> None:
        """``down``, ``no-rights``, ``dies``, ``journal``: see the programs."""
        (self.state / name).write_text(text)

    @property
    def asked(self) -> list[str]:
        """What systemctl was told to do."""
        lines = (self.state / "asked").read_text().splitlines()
        return [line for line in lines if not line.startswith("show")]
