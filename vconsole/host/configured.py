"""What the two configurations of a domain make of it."""

from __future__ import annotations

from dataclasses import replace

from vconsole.host import errors
from vconsole.host.domain_settings import merge_settings
from vconsole.host.domain_xml import (
    DomainXml,
    diverged,
    merge,
    read_domain,
    same_configuration,
)
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Domain
from vconsole.model.xml_read import XmlError


def read_configurations(
    domain: Domain, live: str | None, config: str | None, everything: CpuSet, split_pins: bool
) -> Domain:
    """The domain with what the texts of its configurations say, or why they cannot be read.

    Args:
        domain: As it was listed.
        live: The live XML, None where there is none.
        config: The inactive XML, None where there is none.
        everything: The pCPUs of the host.
        split_pins: The driver keeps live and config pins apart.
    """
    try:
        parts = _parsed(live, config, split_pins)
        count = diverged(live, config, everything, split_pins)
    except XmlError as error:
        problem = errors.one_line(error)
        return replace(domain, problem=problem, detailed=True, pins=(), diverged=None)
    return configured(domain, parts, everything, hostinfo_problem(config or live or ""), count)


def _parsed(
    live: str | None, config: str | None, split_pins: bool
) -> tuple[DomainXml | None, DomainXml | None]:
    """Both configurations; one and the same where the driver keeps no two sets of pins.

    Raises:
        XmlError: One of them cannot be read.
    """
    now = read_domain(live) if live is not None else None
    if now is not None and not split_pins:
        if config is None:
            return now, None
        return now, replace(now, settings=read_domain(config).settings)
    if live is not None and config is not None and same_configuration(live, config):
        return now, now
    return now, read_domain(config) if config is not None else None


def configured(
    domain: Domain,
    parts: tuple[DomainXml | None, DomainXml | None],
    everything: CpuSet,
    wrong: str | None,
    diverged: int | None,
) -> Domain:
    """The domain with what its configurations say; the live one counts where there is one.

    Args:
        domain: As it was listed.
        parts: Live and config.
        everything: The pCPUs of the host.
        wrong: What is wrong with its hostinfo port.
        diverged: In how much live and config differ.
    """
    live, config = parts
    main = live or config
    if main is None:
        return replace(domain, detailed=True, pins=(), problem=None, diverged=diverged)
    return replace(
        domain,
        detailed=True,
        title=main.title,
        vcpus=main.vcpus,
        max_vcpus=main.max_vcpus,
        memory_bytes=main.memory_bytes,
        max_memory_bytes=main.max_memory_bytes,
        pins=merge(live, config, everything),
        settings=merge_settings(
            live.settings if live else None, config.settings if config else None
        ),
        numatune=main.numatune,
        hugepages_kib=main.hugepages_kib,
        topology=main.topology,
        guest_cells=main.guest_cells,
        problem=None,
        hostinfo_problem=wrong,
        diverged=diverged,
    )


def hostinfo_problem(text: str) -> str | None:
    """What is wrong with a hostinfo port; most definitions have none and are not parsed for it."""
    if "/hostinfo/" not in text:
        return None
    from vconsole.model.hostinfo_port import problems
    from vconsole.model.xml_edit import XmlEditError

    try:
        return next(iter(problems(text)), None)
    except XmlEditError as error:
        return errors.one_line(error)
