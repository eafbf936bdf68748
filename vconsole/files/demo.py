"""The demo's own files: rules, metrics, activity and history of an invented host, thrown away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from vconsole.files import places

RULES = """\
# The demo's rules; they are thrown away with it.
test-web-*:
  interval = 60
  guests = 1

test-build-agent-*:
  physcpus = 0
"""
METRICS = """\
<?xml version="1.0"?>
<!DOCTYPE vhostmd SYSTEM "vhostmd.dtd">
<vhostmd>
  <globals>
    <disk>
      <name>host-metrics-disk</name>
      <path>{disk}</path>
      <size unit="k">256</size>
    </disk>
    <update_period>5</update_period>
    <path>/usr/sbin:/usr/bin:/sbin:/bin</path>
    <transport>vbd</transport>
  </globals>
  <metrics>
    <metric type="string" context="host">
      <name>HostName</name>
      <action>builtin:HostName</action>
    </metric>
    <metric type="uint32" context="host">
      <name>TotalPhyCPUs</name>
      <action>builtin:TotalPhyCPUs</action>
    </metric>
  </metrics>
</vhostmd>
"""


@contextmanager
def demo_files() -> Iterator[dict[str, Path]]:
    """Keep all that would be remembered in a directory that goes at the end.

    Yields what stands for the real files, by the names of their settings.
    """
    with TemporaryDirectory(prefix="vconsole-demo-") as name:
        directory = Path(name)
        files = {
            "hostinfo_conf": directory / "hostinfo.conf",
            "metrics_disk": directory / "vhostmd0",
            "vhostmd_conf": directory / "vhostmd.conf",
        }
        files["hostinfo_conf"].write_text(RULES, "utf-8")
        files["vhostmd_conf"].write_text(METRICS.format(disk=files["metrics_disk"]), "utf-8")
        with places.state_in(directory):
            yield files
