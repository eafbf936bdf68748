"""From what a command wrote to metrics: one, the members of a group, or metrics in XML."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vconsole.features.metrics.model.document import parse
from vconsole.features.metrics.model.metric import Metric, MetricTypeError, typed
from vconsole.features.metrics.model.spec import MetricSpec

if TYPE_CHECKING:
    from vconsole.features.metrics.model.sample import DomainSample


@dataclass(frozen=True, slots=True)
class Values:
    """What an output amounts to."""

    metrics: tuple[Metric, ...] = ()
    problem: str = ""
    """What is wrong with it, or with a part of it. Holds foreign text."""


def decode(output: bytes) -> str:
    """The text of an output that may have been cut within a character; it ends at a NUL."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    return decoder.decode(output.partition(b"\0")[0])


def values(spec: MetricSpec, output: str, domain: DomainSample | None, raw: bool) -> Values:
    """The metrics of an output.

    Args:
        spec: What was asked for.
        output: What the command wrote.
        domain: Whom it was run for; None for the host.
        raw: Keep blanks and line feeds around values.
    """
    if spec.type == "xml":
        return _xml(spec, output, domain)
    if spec.type == "group":
        return _group(spec, output, domain, raw)
    return _checked((metric_of(spec, output if raw else output.strip(), domain),))


def metric_of(spec: MetricSpec, value: str, domain: DomainSample | None) -> Metric:
    """The metric that was asked for, with its value."""
    own = (domain.id, domain.uuid) if domain else (None, None)
    return Metric(spec.name, value, spec.type, spec.context, spec.unit or None, *own)


def _group(spec: MetricSpec, output: str, domain: DomainSample | None, raw: bool) -> Values:
    """One value for each variable, by position.

    A value that is missing is left out: vhostmd repeats the whole output for it.
    """
    count = len(spec.variables)
    units = spec.unit.split(",") if "," in spec.unit else [spec.unit] * count
    fields = output.split(",")
    metrics, missing = [], []
    for place, variable in enumerate(spec.variables):
        text = fields[place] if place < len(fields) else ""
        unit = units[place] if place < len(units) else ""
        if text.strip():
            made = metric_of(spec, text if raw else text.strip(), domain)
            own_unit = unit.strip() or None
            metrics.append(replace(made, name=variable.name, type=variable.type, unit=own_unit))
        else:
            missing.append(variable.name)
    found = _checked(tuple(metrics))
    if missing:
        return replace(found, problem=f"no value for {', '.join(missing)}")
    return found


def _xml(spec: MetricSpec, output: str, domain: DomainSample | None) -> Values:
    document = parse(b"<metrics>" + output.encode() + b"</metrics>")
    fault = document.error or next(iter(document.warnings), "")
    if fault or not document.metrics:
        return Values(problem=f"its output is not metric XML: {fault or 'there is no <metric>'}")
    metrics = tuple(_of_domain(document.metrics, domain))
    if len(metrics) < len(document.metrics):
        found = _checked(metrics)
        return replace(found, problem="a metric of another domain is left out")
    return _checked(metrics)


def _of_domain(metrics: tuple[Metric, ...], domain: DomainSample | None) -> Iterator[Metric]:
    """Metrics of a domain bear its id and UUID, and no other's."""
    for metric in metrics:
        if domain is None or metric.context != "vm":
            yield metric
        elif metric.uuid in (None, domain.uuid):
            yield replace(metric, domain_id=domain.id, uuid=domain.uuid)


def _checked(metrics: tuple[Metric, ...]) -> Values:
    """Values that are not of their type are published all the same, as with vhostmd."""
    for metric in metrics:
        try:
            typed(replace(metric, value=metric.value.strip()))
        except MetricTypeError as error:
            return Values(metrics, str(error))
    return Values(metrics)
