"""Domains with interfaces, as libvirt writes them."""

from __future__ import annotations

MAC = "52:54:00:1c:7a:02"
SLOT = "<address type='pci' domain='0x0000' bus='0x00' slot='0x02' function='0x0'/>"

BRIDGE_CONFIG = f"""<interface type='bridge'>
      <mac address='{MAC}'/>
      <source bridge='br0'/>
      <model type='virtio'/>
      {SLOT}
    </interface>"""
BRIDGE_LIVE = f"""<interface type='bridge'>
      <mac address='{MAC}'/>
      <source bridge='br0'/>
      <target dev='vnet0'/>
      <model type='virtio'/>
      <alias name='net0'/>
      {SLOT}
    </interface>"""
LAN_CONFIG = BRIDGE_CONFIG.replace("bridge='br0'", "network='lan'").replace(
    "type='bridge'", "type='network'"
)
LAN_LIVE = BRIDGE_LIVE.replace(
    "bridge='br0'", "network='lan' portid='4c2f5aa4-8820-4341-850d-91f9b7fc78b1' bridge='br0'"
)
"""On a network that leads to a bridge: the type is what it led to."""


def domain(*clauses: str, name: str = "web", running: bool = False) -> str:
    """A domain with these interfaces."""
    devices = "".join(f"    {clause}\n" for clause in clauses)
    return f"""<domain type='kvm'{" id='3'" * running}>
  <name>{name}</name>
  <metadata>
    <a:net xmlns:a='urn:a'><interface type='fake'><mac address='{MAC}'/></interface></a:net>
  </metadata>
  <memory unit='KiB'>8192</memory>
  <os>
    <type>hvm</type>
  </os>
  <devices>
{devices}  </devices>
</domain>
"""
