"""The page of clock, power and devices on a host of a test: one domain that is read and defined."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from tests import scenes
from tests.feed import Answers
from tests.pilot.manual import Console, console_on
from vconsole.model.host_state import HostState
from vconsole.model.request import Configurations, Define, ReadConfigurations, Reply

WEB = "shop-web-1"
XML = f"""<domain type='kvm'>
  <name>{WEB}</name>
  <uuid>{scenes.uuid_of(WEB)}</uuid>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
  </os>
  <features>
    <acpi/>
  </features>
  <cpu mode='host-model'/>
  <clock offset='utc'>
    <timer name='rtc' tickpolicy='catchup'/>
    <timer name='hpet' present='no'/>
  </clock>
  <pm>
    <suspend-to-mem enabled='no'/>
    <suspend-to-disk enabled='no'/>
  </pm>
  <devices>
    <disk type='file' device='disk'>
      <source file='/images/web.qcow2'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <graphics type='spice' passwd='secret'/>
    <redirdev bus='usb' type='spicevmc'/>
    <redirfilter>
      <usbdev class='0x08' vendor='0x0951' product='0x1625' version='2.00' allow='yes'/>
      <usbdev allow='no'/>
    </redirfilter>
  </devices>
</domain>
"""


class Host:
    """What the domain runs with and is defined as."""

    def __init__(
        self, config: str | None = XML, live: str | None = None, strict: bool = False
    ) -> None:
        self.strict = strict
        """Nothing validates, not even what is defined."""
        self.config, self.live = config, XML if live is None else live
        self.trouble = ""
        self.defined: list[Define] = []

    def answers(self) -> Answers:
        return {ReadConfigurations: self._read, Define: self._define}

    def _read(self, request: ReadConfigurations) -> Reply:
        if self.trouble:
            return Reply("failed", self.trouble, {})
        return Reply(
            value={u: Configurations(self.live or None, self.config) for u in request.uuids}
        )

    def _define(self, request: Define) -> Reply:
        if request.before != self.config:
            return Reply("conflict", f"{request.name} was redefined by somebody else meanwhile")
        if self.strict and request.validate:
            return Reply("failed", "does not validate", replace(request, validate=False))
        self.defined.append(request)
        self.config = request.after
        return Reply("applied", "defined", request.after)


@asynccontextmanager
async def policy_page(
    host: Host, size: tuple[int, int] = (120, 40), host_state: HostState | None = None
) -> AsyncIterator[Console]:
    """Open the page."""
    async with console_on(host_state or scenes.kvm07(), size, answers=host.answers()) as console:
        await console.press("f", *WEB, "enter", "o")
        yield console
