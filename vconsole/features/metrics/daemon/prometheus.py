"""The same metrics for Prometheus: a text endpoint on a Unix socket or on loopback, if asked for.

Numbers are samples, texts are labels of a sample that is 1. Domains are told apart by UUID.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vconsole.daemon.serving import serve_until_cancelled
from vconsole.features.metrics.daemon.control import ControlError, bind
from vconsole.features.metrics.model.metric import Metric, MetricTypeError, typed

if TYPE_CHECKING:
    from prometheus_client import Metric as Family

_MAX_REQUEST: Final = 8192
_PATIENCE_S: Final = 5.0
_NOT_A_NAME: Final = re.compile(r"[^a-zA-Z0-9_]")
_UNIX: Final = "unix:"


def listen(address: str) -> socket.socket:
    """Listen at ``unix:PATH``, ``127.0.0.1:PORT`` or ``[::1]:PORT``.

    Raises:
        ControlError: It is none of these, or cannot be listened at, or there is no library for it.
    """
    if find_spec("prometheus_client") is None:
        raise ControlError("--prometheus needs the Python package prometheus-client: install it")
    if address.startswith(_UNIX):
        return bind(Path(address.removeprefix(_UNIX)))
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (port.isdecimal() and _is_loopback(host)):
        raise ControlError(f"{address!r} is neither unix:PATH nor a port on loopback")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, int(port)), family=family, backlog=8)
    except (OSError, OverflowError) as error:
        raise ControlError(f"{address}: {error}") from error


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def exposition(metrics: Iterable[Metric]) -> bytes:
    """The metrics in Prometheus' text format."""
    from prometheus_client import CollectorRegistry, generate_latest

    class Once:
        def collect(self) -> Iterator[Family]:
            return iter(_families(metrics))

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Once())
    return generate_latest(registry)


def _families(metrics: Iterable[Metric]) -> list[Family]:
    from prometheus_client.core import UnknownMetricFamily

    families: dict[str, Family] = {}
    seen: set[tuple[str, str]] = set()
    for metric in metrics:
        name, value, text = _sample(metric)
        labels = {"uuid": metric.uuid} if metric.uuid else {}
        if (name, metric.uuid or "") in seen:
            continue
        seen.add((name, metric.uuid or ""))
        help_text = f"{metric.name} of vhostmd"
        family = families.setdefault(name, UnknownMetricFamily(name, help_text))
        family.add_sample(name, labels | text, value)
    return list(families.values())


def _sample(metric: Metric) -> tuple[str, float, dict[str, str]]:
    """Name, value and further labels; what is not the number it should be is a text."""
    name = f"vhostmd_{'domain' if metric.context == 'vm' else 'host'}_"
    name += _NOT_A_NAME.sub("_", metric.name)
    try:
        value = typed(metric)
    except MetricTypeError:
        value = metric.value
    if isinstance(value, str):
        return f"{name}_info", 1.0, {"value": value.strip()}
    return name, float(value), {}


class PrometheusServer:
    """Answers every GET with the metrics of the moment."""

    def __init__(self, metrics: Callable[[], Iterable[Metric]]) -> None:
        self._metrics = metrics

    async def serve(self, listener: socket.socket) -> None:
        """Answer for ever."""
        await serve_until_cancelled(self._client, listener, _MAX_REQUEST)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                request = await reader.readuntil(b"\r\n\r\n")
                writer.write(self._response(request))
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass

    def _response(self, request: bytes) -> bytes:
        if request.startswith(b"GET "):
            return _http("200 OK", exposition(self._metrics()))
        return _http("405 Method Not Allowed", b"only GET\n")


def _http(status: str, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
