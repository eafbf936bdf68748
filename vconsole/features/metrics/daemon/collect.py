"""One collection of all metrics: built-in ones from a sample, the others by their commands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vconsole.features.metrics.daemon.actions import ActionPool
from vconsole.features.metrics.daemon.turns import Job, Told, Turns
from vconsole.features.metrics.model import builtin, stock
from vconsole.features.metrics.model.metric import Metric
from vconsole.features.metrics.model.spec import MetricSpec, VhostmdConfig
from vconsole.features.metrics.model.status import MetricStatus, Tally
from vconsole.features.metrics.model.values import Values, metric_of, values

if TYPE_CHECKING:
    from vconsole.features.metrics.model.sample import DomainSample, HostSample, Needs, Sample

Found = dict[tuple[int, str], tuple[Metric, ...]]
"""(number of the metric, UUID or "" for the host) -> what it brought."""


@dataclass(frozen=True, slots=True)
class Collection:
    """All metrics of one update, in the order in which they are published."""

    host: tuple[Metric, ...] = ()
    domains: dict[str, tuple[Metric, ...]] = field(default_factory=dict)
    """UUID -> its own metrics, domains by id."""

    @property
    def everything(self) -> list[Metric]:
        """As on the common disk: the host's, then each domain's."""
        own = (metric for metrics in self.domains.values() for metric in metrics)
        return [*self.host, *own]


@dataclass(slots=True)
class _Source:
    """A metric, and how it is got."""

    spec: MetricSpec
    builtin: str | None
    status: MetricStatus
    tally: Tally = field(default_factory=Tally)


class Collector:
    """Collects the metrics of one configuration.

    Attributes:
        statuses: What is known of each metric, in the order of the file.
    """

    def __init__(
        self,
        config: VhostmdConfig,
        uri: str | None,
        pool: ActionPool,
        before: HostSample | None = None,
    ) -> None:
        self._config = config
        self._sources = [_source(spec, config) for spec in config.enabled]
        self.statuses = tuple(source.status for source in self._sources)
        self._sources.reverse()  # vhostmd publishes the last metric of the file first
        self._turns = Turns(config, uri, pool)
        self._before: HostSample | None = None
        self._last = before

    @property
    def needs(self) -> Needs:
        """What a sample must hold."""
        names = (s.builtin for s in self._sources if s.spec.context == "vm" and s.builtin)
        return builtin.needs(names, self._config.settings.domain_disks)

    def adopt(self, earlier: Collector) -> None:
        """Go on with the values of the metrics that are as they were before."""
        here = {source.spec: number for number, source in enumerate(self._sources)}
        there = enumerate(earlier._sources)
        numbers = {number: here[s.spec] for number, s in there if s.spec in here}
        self._turns.adopt(earlier._turns, numbers)

    def close(self) -> None:
        """Run no further command."""
        self._turns.close()

    async def collect(self, sample: Sample, until: float | None = None) -> Collection:
        """All metrics that can be had.

        Args:
            sample: The host and its domains.
            until: The monotonic time to wait for commands till; None to wait for all of them.
        """
        domains = sample.domains or ()
        self._before, self._last = self._last, sample.host
        found = self._builtins(sample, domains)
        await self._run_actions(found, domains, until)
        for source in self._sources:
            source.tally.enter(source.status, sample.host.at_s)
            source.tally = Tally()
        return Collection(
            self._in_order(found, "host", ""),
            {d.uuid: self._in_order(found, "vm", d.uuid) for d in domains},
        )

    async def test(self, name: str, context: str, sample: Sample) -> Values:
        """Get one metric now, of the host or of the first domain; nothing is published."""
        for source in self._sources:
            if (source.spec.name, source.spec.context) != (name, context):
                continue
            domain = next(iter(sample.domains or ()), None) if context == "vm" else None
            if context == "vm" and domain is None:
                return Values(problem="no domain is running")
            if source.builtin:
                made = self._builtin(source, source.builtin, sample.host, domain)
                return made or Values(problem="it is not known on this host, or not yet")
            run, made = await self._turns.get(Job(source.spec, domain))
            return made if not run.error else Values(made.metrics, run.error)
        return Values(problem=f"there is no metric {name} in context {context}")

    # -- built-in metrics ----------------------------------------------------------------------

    def _builtins(self, sample: Sample, domains: Sequence[DomainSample]) -> Found:
        found: Found = {}
        for number, source in enumerate(self._sources):
            if not source.builtin or (self._before is None and source.builtin in builtin.RATES):
                continue
            for domain in self._whom(source, domains):
                made = self._builtin(source, source.builtin, sample.host, domain)
                if domain is not None and sample.domains_age_s:
                    source.tally.keep(sample.domains_age_s)
                if made is None:
                    source.tally.add("", problem="it is not known on this host", failed=True)
                else:
                    source.tally.add(_shown(made.metrics), problem=made.problem)
                    found[number, domain.uuid if domain else ""] = made.metrics
        return found

    def _builtin(
        self, source: _Source, name: str, host: HostSample, domain: DomainSample | None
    ) -> Values | None:
        if domain is None:
            value = builtin.HOST[name](host, self._before)
        else:
            value = builtin.DOMAIN[name](domain)
        if value is None:
            return None
        if source.spec.type == "group":
            return values(source.spec, value, domain, raw=False)
        return Values((metric_of(source.spec, value, domain),))

    # -- commands ------------------------------------------------------------------------------

    async def _run_actions(
        self, found: Found, domains: Sequence[DomainSample], until: float | None
    ) -> None:
        jobs = {
            (number, domain.uuid, domain.id) if domain else (number, "", -1): Job(
                source.spec, domain
            )
            for number, source in enumerate(self._sources)
            if not source.builtin
            for domain in self._whom(source, domains)
        }
        for key, told in (await self._turns.run(jobs, until)).items():
            _count(self._sources[key[0]].tally, jobs[key].domain, told)
            if told.metrics:
                found[key[0], key[1]] = told.metrics

    # -- order ---------------------------------------------------------------------------------

    @staticmethod
    def _whom(source: _Source, domains: Sequence[DomainSample]) -> Sequence[DomainSample | None]:
        return (None,) if source.spec.context == "host" else domains

    def _in_order(
        self, found: dict[tuple[int, str], tuple[Metric, ...]], context: str, uuid: str
    ) -> tuple[Metric, ...]:
        return tuple(
            metric
            for number, source in enumerate(self._sources)
            if source.spec.context == context
            for metric in found.get((number, uuid), ())
        )


def _source(spec: MetricSpec, config: VhostmdConfig) -> _Source:
    name = spec.builtin
    if name is None and config.settings.replace_stock_actions:
        name = stock.same_builtin(spec)
    status = MetricStatus(spec.name, spec.context, spec.type, name, keep_s=config.keep_s)
    return _Source(spec, name, status)


def _count(tally: Tally, domain: DomainSample | None, told: Told) -> None:
    problem = _of(domain, told.problem) if told.problem else ""
    if told.ran:
        tally.add(_shown(told.metrics), told.took_s, problem, told.failed)
    elif told.failed:
        tally.miss(problem)
    if told.age_s is not None:
        tally.keep(told.age_s)


def _of(domain: DomainSample | None, problem: str) -> str:
    return problem if domain is None else f"{domain.name}: {problem}"


def _shown(metrics: Sequence[Metric]) -> str:
    return ",".join(metric.value.strip() for metric in metrics)
