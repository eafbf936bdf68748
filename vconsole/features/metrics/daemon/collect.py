"""One collection of all metrics: built-in ones from a sample, the others by their commands."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Final

from vconsole.features.metrics.daemon.actions import (
    VALUE_BYTES,
    XML_BYTES,
    ActionPool,
    Run,
    environment,
)
from vconsole.features.metrics.model import builtin, stock
from vconsole.features.metrics.model.metric import Metric
from vconsole.features.metrics.model.spec import MetricSpec, VhostmdConfig
from vconsole.features.metrics.model.status import MetricStatus, Tally
from vconsole.features.metrics.model.tokens import Subject, UnfitNameError, fill
from vconsole.features.metrics.model.values import Values, decode, metric_of, values

if TYPE_CHECKING:
    from vconsole.features.metrics.model.sample import DomainSample, HostSample, Needs, Sample

_MAX_TIMEOUTS: Final = 3
_REST_PERIODS: Final = 10
"""A command that took too long that often, one time after the other, rests for so long."""


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


@dataclass(slots=True)
class _Action:
    """What is remembered of a command between updates."""

    ran_at: float = 0.0
    timeouts: int = 0
    rests_until: float = 0.0


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
        self._config, self._uri, self._pool = config, uri, pool
        replace = config.settings.replace_stock_actions
        self._sources = [_source(spec, replace) for spec in config.enabled]
        self.statuses = tuple(source.status for source in self._sources)
        self._sources.reverse()  # vhostmd publishes the last metric of the file first
        self._actions: dict[tuple[int, str], _Action] = {}
        self._before: HostSample | None = None
        self._last = before

    @property
    def needs(self) -> Needs:
        """What a sample must hold."""
        names = (s.builtin for s in self._sources if s.spec.context == "vm" and s.builtin)
        return builtin.needs(names, self._config.settings.domain_disks)

    async def collect(self, sample: Sample, latest_start: float | None = None) -> Collection:
        """All metrics that can be had.

        Args:
            sample: The host and its domains.
            latest_start: The monotonic time after which no further command is begun.
        """
        domains = sample.domains or ()
        self._before, self._last = self._last, sample.host
        found = self._builtins(sample.host, domains)
        await self._run_actions(found, domains, latest_start)
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
            run, made = await self._action(source.spec, domain, None)
            return made if not run.error else Values(made.metrics, run.error)
        return Values(problem=f"there is no metric {name} in context {context}")

    # -- built-in metrics ----------------------------------------------------------------------

    def _builtins(
        self, host: HostSample, domains: Sequence[DomainSample]
    ) -> dict[tuple[int, str], tuple[Metric, ...]]:
        found: dict[tuple[int, str], tuple[Metric, ...]] = {}
        for number, source in enumerate(self._sources):
            if not source.builtin or (self._before is None and source.builtin in builtin.RATES):
                continue
            for domain in self._whom(source, domains):
                made = self._builtin(source, source.builtin, host, domain)
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
        self,
        found: dict[tuple[int, str], tuple[Metric, ...]],
        domains: Sequence[DomainSample],
        latest_start: float | None,
    ) -> None:
        """Run all commands, those that waited longest first."""
        jobs = {
            (number, domain.uuid if domain else ""): (source, domain)
            for number, source in enumerate(self._sources)
            if not source.builtin
            for domain in self._whom(source, domains)
        }
        self._actions = {key: self._actions.get(key) or _Action() for key in jobs}
        order = sorted(jobs, key=lambda key: self._actions[key].ran_at)
        done = await asyncio.gather(*(self._job(key, *jobs[key], latest_start) for key in order))
        found.update((key, metrics) for key, metrics in done if metrics)

    async def _job(
        self,
        key: tuple[int, str],
        source: _Source,
        domain: DomainSample | None,
        latest_start: float | None,
    ) -> tuple[tuple[int, str], tuple[Metric, ...]]:
        action = self._actions[key]
        if action.rests_until > monotonic():
            problem = f"rests after it took too long {_MAX_TIMEOUTS} times"
            source.tally.add("", problem=_of(domain, problem), failed=True)
            return key, ()
        run, made = await self._action(source.spec, domain, latest_start)
        self._remember(action, run)
        problem = run.error or made.problem
        if run.cut and not problem:
            problem = f"its output was cut at {_cap(source.spec)} bytes"
        failed = bool(run.error) or not made.metrics
        shown = _shown(made.metrics)
        source.tally.add(shown, run.took_s, _of(domain, problem) if problem else "", failed)
        return key, made.metrics

    async def _action(
        self, spec: MetricSpec, domain: DomainSample | None, latest_start: float | None
    ) -> tuple[Run, Values]:
        subject = Subject(self._uri)
        if domain is not None:
            subject = Subject(self._uri, domain.name, str(domain.id), domain.uuid)
        try:
            command = fill(spec.action, spec.context, subject)
            environ = environment(self._config.path, subject.environment())
        except UnfitNameError as error:
            return Run(error=str(error)), Values()
        run = await self._pool.shell(
            command,
            environ,
            limit_s=self._config.action_limit_s,
            cap_bytes=_cap(spec),
            latest_start=latest_start,
        )
        if run.error:
            return run, Values()
        raw = self._config.settings.compat_newline
        return run, values(spec, decode(run.output), domain, raw)

    def _remember(self, action: _Action, run: Run) -> None:
        if run.took_s:
            action.ran_at = monotonic()
        action.timeouts = action.timeouts + 1 if run.timed_out else 0
        if action.timeouts >= _MAX_TIMEOUTS:
            action.rests_until = monotonic() + _REST_PERIODS * self._config.period_s
            action.timeouts = 0

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


def _source(spec: MetricSpec, replace_stock: bool) -> _Source:
    name = spec.builtin or (stock.same_builtin(spec) if replace_stock else None)
    return _Source(spec, name, MetricStatus(spec.name, spec.context, spec.type, name))


def _cap(spec: MetricSpec) -> int:
    return XML_BYTES if spec.type == "xml" else VALUE_BYTES


def _of(domain: DomainSample | None, problem: str) -> str:
    return problem if domain is None else f"{domain.name}: {problem}"


def _shown(metrics: Sequence[Metric]) -> str:
    return ",".join(metric.value.strip() for metric in metrics)
