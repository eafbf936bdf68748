"""Pins by libvirt's C functions, for masks that libvirt-python would cut.

libvirt-python makes every mask exactly as wide as virNodeGetCPUMap's count. Where that is narrower
than the host (the test driver says 8 of 16), a pin to pCPU 8 would silently become the empty set.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import PinKey

_ROW = {
    "vcpu": ("virDomainPinVcpuFlags", (ctypes.c_uint,)),
    "emulator": ("virDomainPinEmulator", ()),
    "iothread": ("virDomainPinIOThread", (ctypes.c_uint,)),
}


def pin(domain: Any, key: PinKey, cpuset: CpuSet, width: int, flags: int) -> None:
    """Pin one row of a domain with libvirt-python, or past it where `cpuset` exceeds `width`.

    Raises:
        libvirt.libvirtError: libvirt refuses.
    """
    if cpuset.bits >> width:
        _pin_in_c(domain, key, cpuset, flags)
        return
    mask, (kind, row) = cpuset.to_map(width), key
    if kind == "vcpu":
        # pinVcpu is all that drivers without flags have; it is the same as flags 0.
        domain.pinVcpuFlags(row, mask, flags) if flags else domain.pinVcpu(row, mask)
    elif kind == "emulator":
        domain.pinEmulator(mask, flags)
    else:
        domain.pinIOThread(row, mask, flags)


def _pin_in_c(domain: Any, key: PinKey, cpuset: CpuSet, flags: int) -> None:
    import libvirt

    name, row_type = _ROW[key[0]]
    length = (cpuset.bits.bit_length() + 7) // 8
    mask = cpuset.bits.to_bytes(length, "little")
    row = () if key[1] is None else (ctypes.c_uint(key[1]),)
    function = getattr(_library(), name)
    function.argtypes = (ctypes.c_void_p, *row_type, ctypes.c_char_p, ctypes.c_int, ctypes.c_uint)
    pointer = ctypes.c_void_p(domain.c_pointer())
    if function(pointer, *row, mask, length, flags) < 0:
        raise libvirt.libvirtError(f"{name}() failed")


@cache
def _library() -> ctypes.CDLL:
    """The library that libvirt-python has loaded already."""
    return ctypes.CDLL("libvirt.so.0")
