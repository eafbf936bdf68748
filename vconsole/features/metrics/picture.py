"""All that the console knows of metrics at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from vconsole.features.metrics.model.document import render_reply
from vconsole.features.metrics.model.metric import Metric
from vconsole.features.metrics.model.provision import Attachments
from vconsole.features.metrics.model.spec import VhostmdConfig
from vconsole.features.metrics.model.status import DaemonStatus, MetricStatus
from vconsole.features.metrics.requests import DiskReport
from vconsole.model.words import plural
from vconsole.text import duration

DEAD_S: Final = 3.0
"""A disk busy for so long is not being written: that takes milliseconds."""
LATE_PERIODS: Final = 3
"""So many periods without an update are no delay any more."""


@dataclass(frozen=True)
class Picture:
    """What was read; None is what was not, or not yet.

    Attributes:
        path: The disk.
        report: How it is.
        trouble: Why it could not be looked at.
        daemon: What the daemon tells.
        daemon_problem: Why it tells nothing.
        config: What its configuration file says.
        attachments: UUID -> which ways a domain has to read metrics.
        attachments_problem: Why that is not known, or not of all.
    """

    path: Path
    report: DiskReport | None = None
    trouble: str = ""
    daemon: DaemonStatus | None = None
    daemon_problem: str = ""
    config: VhostmdConfig | None = None
    attachments: Mapping[str, Attachments] = field(default_factory=dict)
    attachments_problem: str = ""

    @property
    def metrics(self) -> Mapping[tuple[str, str, int], Metric]:
        """The metrics on the disk, by key."""
        return self.report.metrics if self.report else {}

    @property
    def period_s(self) -> int | None:
        """How often the disk should be written: by the daemon, else by its configuration."""
        if self.daemon is not None and self.daemon.disk == str(self.path):
            return self.daemon.period_s
        if self.config is not None and self.config.disk_path == str(self.path):
            return self.config.period_s
        return None

    @property
    def is_late(self) -> bool:
        """The writer has let several updates pass."""
        age_s = self.report.age_s if self.report else None
        if age_s is None or self.period_s is None:
            return False
        return age_s > LATE_PERIODS * self.period_s

    @property
    def is_over(self) -> bool:
        """The metrics are not what the disk holds now, or nobody writes it any more."""
        if self.report is None or self.trouble:
            return True
        busy_s, problem = self.report.state.busy_for_s, self.report.state.latest.problem
        return self.is_late or (problem is not None and (busy_s is None or busy_s >= DEAD_S))

    @property
    def owners(self) -> list[str]:
        """The UUIDs of the domains whose metrics are on the disk, in its order."""
        return list(dict.fromkeys(owner for owner, _, _ in self.metrics if owner))

    @property
    def holders(self) -> list[str]:
        """The UUIDs of the domains that have this disk."""
        path = str(self.path)
        return [uuid for uuid, found in self.attachments.items() if found.has("disk", path)]

    def failure(self, metric: Metric) -> str:
        """What the daemon says is wrong with a metric, or old, "" if nothing."""
        wanted = metric.name, metric.context
        for status in self.daemon.metrics if self.daemon else ():
            if (status.name, status.context) == wanted and (status.failing or status.kept):
                return "; ".join(filter(None, (status.problem, kept_words(status))))
        return ""

    def configured(self, metric: Metric) -> str:
        """The name in the configuration of what brings a metric: of a group it is another."""
        for spec in self.config.enabled if self.config else ():
            if spec.context == metric.context and metric.name in [v.name for v in spec.variables]:
                return spec.name
        return metric.name

    def content(self, guest: str = "", header: bool = False) -> bytes:
        """The bytes that are read from the disk.

        Args:
            guest: The UUID of a domain: those that it reads over its channel instead.
            header: With those of the disk's header.
        """
        if self.report is None:
            return b""
        if guest:
            return render_reply(self.metrics.values(), guest)
        reading = self.report.shown or self.report.state.latest
        head = reading.header.pack() if header and reading.header else b""
        return head + reading.content


def kept_words(told: MetricStatus) -> str:
    """That values of earlier updates are published, and how old they are; "" where none is."""
    if not told.kept:
        return ""
    age = duration(told.oldest_s)
    bound = f"; published until it is {duration(told.keep_s)} old" if told.keep_s else ""
    if told.context == "host":
        return f"its value is {age} old: no later one came{bound}"
    return f"of {plural(told.kept, 'domain')} the value is up to {age} old{bound}"
