"""What ``doctor`` looks at of metrics; ``metrics doctor``: the disk as SAP's readers want it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import time

from vconsole.cli.diagnosis import print_checks, within
from vconsole.cli.service import check_unit
from vconsole.features.metrics.cli.disk import written_read
from vconsole.features.metrics.daemon.control import ControlError, ask_status
from vconsole.features.metrics.daemon.publish import PublishError, check_transports
from vconsole.features.metrics.daemon.source import ConfigSource
from vconsole.features.metrics.dtd import validate
from vconsole.features.metrics.model.conf_text import ConfigError
from vconsole.features.metrics.model.reader import Reading, read
from vconsole.features.metrics.model.sap import PROFILE_CURE, document_checks, period_check
from vconsole.features.metrics.picture import LATE_PERIODS
from vconsole.files.config import VHOSTMD_CONF, Config
from vconsole.model.diagnosis import Check, Target
from vconsole.model.words import plural
from vconsole.text import duration

WRITER_CURE = "vconsole metrics service on; without systemd: vconsole vhostmd"


def checks(config: Config, target: Target) -> Iterator[Check]:
    """Look at service, configuration and disk."""
    unit = check_unit("vhostmd", "vconsole metrics service on")
    yield unit
    yield configuration(Path(config.vhostmd_conf))
    reading = read(config.metrics_disk)
    if reading.problem is None:
        yield written(reading, _period_s(reading.path, Path(config.vhostmd_conf)))
    else:
        words = f"{config.metrics_disk}: {reading.problem.text}"
        yield Check("disk", "warn", words, WRITER_CURE)


def written(reading: Reading, period_s: int | None) -> Check:
    """What is on it, and when it was written; a device does not say that."""
    words, age_s = f"{reading.path}: {_count(reading.document)}", reading.age_s(time())
    if age_s is None:
        return Check("disk", "ok", words)
    words = f"{words}, written {duration(age_s)} ago"
    if period_s is not None and age_s > LATE_PERIODS * period_s:
        return Check("disk", "warn", f"{words}, not every {period_s} s", WRITER_CURE)
    return Check("disk", "ok", words)


def configuration(path: Path) -> Check:
    """Whether the daemon would take it."""
    if not path.exists():
        return Check("configuration", "ok", f"{path}: not there, the built-in one holds")
    try:
        config = ConfigSource(path).load()
        check_transports(config)
    except (ConfigError, PublishError) as error:
        cure = f"vconsole metrics config check {path}"
        return Check("configuration", "fail", f"{path}: {error}", cure)
    words = f"{path}: {plural(len(config.enabled), 'metric')}, each {config.period_s} s"
    return Check("configuration", "ok", words)


def doctor(options: argparse.Namespace) -> int:
    """``vconsole metrics doctor``: 1 where SAP's readers would find something wrong."""
    found = within(partial(sap_checks, options.disk, Path(VHOSTMD_CONF), demo=options.demo))
    return print_checks({f"SAP's readers, on {options.disk}": found}, options.json)


def sap_checks(
    disk: Path, conf: Path, now_s: float | None = None, *, demo: bool = False
) -> Iterator[Check]:
    """Hold a disk and its configuration against what SAP's readers need."""
    now_s = time() if now_s is None else now_s
    reading = written_read(disk, demo)
    if reading.problem is not None or reading.document is None:
        words = reading.problem.text if reading.problem else "nothing on it"
        yield Check("disk", "fail", words, WRITER_CURE)
        return
    yield Check("disk", "ok", f"sound, {_count(reading.document)}")
    faults = validate(reading.content)
    grammar = faults[0] if faults else "valid by metric.dtd"
    yield Check("grammar", "fail" if faults else "ok", grammar, PROFILE_CURE)
    yield period_check(_period_s(disk, conf), reading.age_s(now_s))
    yield from document_checks(reading.document, reading.modified_s)


def _period_s(disk: Path, conf: Path) -> int | None:
    """How often the disk is written: by its daemon, else by the file; None where neither says.

    The daemon that runs may have been told to use another configuration than the file.
    """
    with suppress(ControlError):
        if (daemon := ask_status()).disk == str(disk):
            return daemon.period_s
    with suppress(ConfigError):
        if (config := ConfigSource(conf).load()).disk_path == str(disk):
            return config.period_s
    return None


def _count(document: object) -> str:
    return plural(len(getattr(document, "metrics", ())), "metric")
