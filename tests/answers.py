"""Who answers what features ask without libvirt, and over scripted XML."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from vconsole.features.hostinfo import requests as hostinfo
from vconsole.features.metrics import requests as metrics
from vconsole.files.draft import ReadFile, read_file
from vconsole.model.proposal import Propose
from vconsole.model.request import ReadConfigurations, Reply

Handlers = Mapping[type, Callable[[Any], Reply]]


def hostinfo_answers() -> dict[type, Callable[[Any], Reply]]:
    """Those of hostinfo."""
    return {
        ReadFile: read_file,
        hostinfo.SaveRules: hostinfo.save_rules,
        hostinfo.ReadService: hostinfo.read_service,
        hostinfo.ReadValues: hostinfo.read_values,
    }


def metrics_answers(host: Handlers) -> dict[type, Callable[[Any], Reply]]:
    """Those of metrics; `host` reads the XML of domains and plans by it."""
    return {
        ReadFile: read_file,
        metrics.ReadDisk: metrics._Disks().read,
        metrics.ReadDaemon: metrics.read_daemon,
        metrics.TryMetric: metrics.try_metric,
        metrics.SaveConfig: metrics.save_config,
        metrics.ReadAttachments: partial(metrics.attachments_by, host[ReadConfigurations]),
        metrics.PlanDevices: partial(metrics.plan_by, host[Propose]),
    }
