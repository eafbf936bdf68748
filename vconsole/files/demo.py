"""The demo's own files: rules, metrics, activity and history of an invented host, thrown away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vconsole.files import places
from vconsole.host.demo import paths

RULES = """\
# The demo's rules; they are thrown away with it.
test-web-*:
  interval = 10        # seconds between two queries
  guests = 1           # how many others run here

test-build-agent-*:
  physcpus = 0         # no need to know

test-db-*:
  interval = 2
  hostname = 1
  guests = 1
"""
_PROFILE = Path(__file__).parents[1] / "features/metrics/model/profiles/default.conf"
"""The configuration of vhostmd that the demo begins with, but for the path of the disk."""
_DISK = "/dev/shm/vhostmd0"


@contextmanager
def demo_files() -> Iterator[dict[str, Path]]:
    """Keep all that would be remembered in a directory that goes at the end.

    Yields what stands for the real files, by the names of their settings.
    """
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="vconsole-demo-") as name:
        directory = Path(name)
        files = {
            "hostinfo_conf": directory / "hostinfo.conf",
            "metrics_disk": directory / "vhostmd0",
            "vhostmd_conf": directory / "vhostmd.conf",
        }
        files["hostinfo_conf"].write_text(RULES, "utf-8")
        metrics = _PROFILE.read_text("utf-8").replace(_DISK, str(files["metrics_disk"]))
        files["vhostmd_conf"].write_text(metrics, "utf-8")
        paths.metrics_disk = str(files["metrics_disk"])
        with places.state_in(directory):
            yield files
