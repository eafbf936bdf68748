"""Whether monitoring disks by SMART makes sense inside a guest: advice by the disks it has.

Virtual disks are files or devices that the host manages; their health is that of the host's disks,
where smartd belongs. Only a disk that is handed through answers with its own health.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from vconsole.model.words import plural
from vconsole.model.xml_edit import Document

_EMULATED: Final[Mapping[str, str]] = {
    "virtio": "answers no SMART",
    "scsi": "answers no SMART",
    "ide": "answers QEMU's invented health, always well",
    "sata": "answers QEMU's invented health, always well",
    "nvme": "answers QEMU's invented health, always well",
}
"""Bus of a virtual disk -> what a guest learns by SMART."""
SWITCH_OFF: Final = "systemctl disable --now smartd"
"""In the guest; ``service smartd stop; chkconfig --del smartd`` where there is no systemd."""


@dataclass(frozen=True, slots=True)
class Disks:
    """A domain's disks as SMART sees them.

    Attributes:
        virtual: (target, bus) of those the host manages.
        passed: Those handed through, in words.
    """

    virtual: tuple[tuple[str, str], ...] = ()
    passed: tuple[str, ...] = ()

    @property
    def brief(self) -> str:
        """How many of each: ``2 virtual``."""
        words = (f"{len(self.virtual)} virtual", f"{len(self.passed)} passed")
        counts = (len(self.virtual), len(self.passed))
        return ", ".join(w for w, n in zip(words, counts, strict=True) if n) or "none"


def disks_of(document: Document) -> Disks:
    """Sort the disks of a domain."""
    virtual, passed = [], []
    for node in document.findall("devices/disk"):
        target = node.find("target")
        name, bus = (target.get("dev") or "", target.get("bus") or "") if target else ("", "")
        if node.get("device") == "lun":
            passed.append(f"{name}: a LUN that takes the guest's SCSI commands")
        elif (node.get("device") or "disk") == "disk":
            virtual.append((name, bus))
    kinds = [node.get("type") for node in document.findall("devices/hostdev")]
    scsi = sum(kind in ("scsi", "scsi_host") for kind in kinds)
    passed += [f"{plural(scsi, 'SCSI device')} of the host"] if scsi else []
    return Disks(tuple(virtual), tuple(passed))


def advice(document: Document) -> Iterator[str]:
    """What to do about SMART in this guest, a remark each."""
    disks = disks_of(document)
    if not disks.virtual and not disks.passed:
        yield "it has no disks: nothing to monitor"
        return
    if not disks.passed:
        yield f"smartd has nothing to watch here; in the guest: {SWITCH_OFF}"
    for words in disks.passed:
        yield f"{words}: SMART reaches the disk itself; keep smartd for it, here or on the host"
    for bus in dict.fromkeys(bus for _, bus in disks.virtual):
        names = ", ".join(name for name, other in disks.virtual if other == bus)
        yield f"{names} ({bus or 'no bus'}): {_EMULATED.get(bus, 'is virtual')}"
    yield "the host watches the disks below: run smartd there"
