"""What the two configurations of a domain make of it."""

from __future__ import annotations

from dataclasses import replace

from vconsole.host import errors
from vconsole.host.domain_settings import merge_settings
from vconsole.host.domain_xml import DomainXml, merge
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Domain


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
