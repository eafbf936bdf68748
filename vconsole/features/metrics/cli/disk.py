"""``vconsole metrics show|check|config``: disk and configuration, read without libvirt."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from time import time
from typing import Any

from vconsole.cli.read import find_domain
from vconsole.cli.report import DONE, CliError, print_json, print_table
from vconsole.features.metrics.daemon.publish import PublishError, check_transports
from vconsole.features.metrics.daemon.source import DEFAULT_FILE, ConfigSource
from vconsole.features.metrics.dtd import refusals
from vconsole.features.metrics.model.conf_text import ConfigError
from vconsole.features.metrics.model.metric import Metric, MetricTypeError, typed
from vconsole.features.metrics.model.reader import Reading, read
from vconsole.features.metrics.model.stock import twin_words
from vconsole.model.words import plural
from vconsole.text import duration, safe, size

LATE_PERIODS = 3
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def show(options: argparse.Namespace) -> int:
    """Print the metrics, all of them or those that one domain reads over its channel."""
    reading = written_read(options.disk, options.demo)
    if reading.document is None:
        raise CliError(_defect(reading))
    metrics = reading.document.metrics
    if options.guest is not None:
        uuid = _uuid(options)
        metrics = tuple(m for m in metrics if m.context == "host" or m.uuid == uuid)
    if options.json:
        print_json([_plain(metric) for metric in metrics])
    else:
        rows = [
            (m.context, m.uuid if m.context != "host" else "", m.name, m.value, m.unit, m.type)
            for m in metrics
        ]
        print_table(("for", "uuid", "name", "value", "unit", "type"), rows)
    if reading.problem is not None:
        raise CliError(_defect(reading))
    return DONE


def written_read(disk: str | Path, demo: bool) -> Reading:
    """Read the disk; the demo's is written first."""
    if demo:
        from vconsole.features.metrics.demo import write_disk

        write_disk(Path(disk))
    return read(disk)


def _uuid(options: argparse.Namespace) -> str:
    """The UUID of the domain; libvirt is asked only for one that is named otherwise."""
    if _UUID.fullmatch(options.guest):
        return str(options.guest).lower()
    from vconsole.host.open import connect
    from vconsole.host.source import View

    source = connect(options.connect, options.read_only, options.demo)
    try:
        return find_domain(source.read(View("domains")), options.guest).uuid
    finally:
        source.close()


def _plain(metric: Metric) -> dict[str, Any]:
    try:
        value = typed(metric)
    except MetricTypeError:
        value = metric.value
    return {
        "name": metric.name,
        "value": value,
        "type": metric.type,
        "context": metric.context,
        "unit": metric.unit,
        "id": metric.domain_id,
        "uuid": metric.uuid,
    }


def check(options: argparse.Namespace) -> int:
    """Say that the disk is sound, or what is wrong with it in one line."""
    reading = written_read(options.disk, options.demo)
    if reading.document is not None and (fault := reading.document.malformed):
        raise CliError(f"{options.disk}: the document is not well-formed XML: {fault}")
    if reading.problem is not None or reading.document is None or reading.header is None:
        raise CliError(_defect(reading))
    age_s, period_s = reading.age_s(time()), _period_s(options)
    if age_s is not None and period_s is not None and age_s > LATE_PERIODS * period_s:
        late = f"not written for {duration(age_s)}, its period is {period_s} s: is vhostmd running?"
        raise CliError(f"{options.disk}: {late}")
    count = plural(len(reading.document.metrics), "metric")
    facts = [size(reading.size_bytes), f"{reading.header.length} bytes used", count]
    facts += [] if age_s is None else [f"{duration(age_s)} old"]
    print(safe(f"{options.disk}: sound: {', '.join(facts)}"))
    return DONE


def check_config(options: argparse.Namespace) -> int:
    """Say what the daemon would take from a file, and which releases of vhostmd would not."""
    source = ConfigSource(options.file)
    try:
        config = source.load()
        check_transports(config)
        refused = refusals(source.read())
    except (ConfigError, PublishError) as error:
        raise CliError(f"{options.file}: {error}") from error
    lines = [f"warning: {warning}" for warning in config.warnings]
    lines += [f"note: vhostmd {release} refuses it: {why}" for release, why in refused.items()]
    if twins := twin_words(config):
        lines.append(f'note: <?vconsole replace-stock-actions="yes"?> {twins}')
    lines.append(f"{plural(len(config.enabled), 'metric')}, each {config.period_s} s")
    for line in lines:
        print(safe(f"{options.file}: {line}"))
    return DONE


def _period_s(options: argparse.Namespace) -> int | None:
    """How often the daemon writes this disk, where its configuration says so."""
    try:
        config = ConfigSource(DEFAULT_FILE).load()
    except ConfigError:
        return None
    return config.period_s if config.disk_path == str(options.disk) else None


def _defect(reading: Reading) -> str:
    assert reading.problem is not None
    return f"{reading.path}: {reading.problem.text}"
