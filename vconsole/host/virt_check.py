"""Can this machine run guests at full speed: what was looked at, the verdict, and the cure."""

from __future__ import annotations

import os
from pathlib import Path

from vconsole.model.host_state import Check, Connection
from vconsole.model.words import plural

_MAX_CHARS = 1 << 16
_FLAGS = {"vmx": ("kvm_intel", "Intel VT-x"), "svm": ("kvm_amd", "AMD-V")}


def check(connection: Connection, root: Path = Path("/")) -> tuple[Check, ...]:
    """Look at this machine's kernel; from afar nothing is known.

    Args:
        connection: Says whether this machine is the host.
        root: Where /proc, /sys and /dev are, for tests.
    """
    if not connection.local:
        where = "the demo host has no hardware" if connection.demo else "the host is not this one"
        return (Check("virtualization", "unknown", where, "run vconsole on the host itself"),)
    flag = _cpu_flag(root)
    return (
        _flag_check(flag),
        _module_check(flag, root),
        _device_check(root),
        _iommu_check(flag, root),
        _nested_check(flag, root),
    )


def _cpu_flag(root: Path) -> str | None:
    words = set(_text(root / "proc/cpuinfo").split())
    return next((flag for flag in _FLAGS if flag in words), None)


def _flag_check(flag: str | None) -> Check:
    if flag is not None:
        return Check("CPU", "ok", f"{_FLAGS[flag][1]} is on: flag {flag}")
    return Check(
        "CPU",
        "fail",
        "neither vmx nor svm is among the CPU's flags: guests run by emulation, very slowly",
        "switch on VT-x or SVM in the firmware; in a guest, let its host pass the CPU through",
    )


def _module_check(flag: str | None, root: Path) -> Check:
    wanted = _FLAGS[flag][0] if flag else "kvm_intel or kvm_amd"
    loaded = [m for m in ("kvm", "kvm_intel", "kvm_amd") if (root / "sys/module" / m).is_dir()]
    if "kvm" in loaded and (len(loaded) > 1 or flag is None):
        return Check("KVM modules", "ok", f"{' and '.join(loaded)} in the kernel")
    if (root / "dev/kvm").exists() and "kvm" in loaded:
        return Check("KVM modules", "ok", "kvm is in the kernel and has made its device")
    return Check(
        "KVM modules",
        "fail" if flag else "warn",
        f"{wanted} is not loaded",
        f"modprobe {wanted}" if flag else "nothing to load before the CPU has the flag",
    )


def _device_check(root: Path) -> Check:
    device = root / "dev/kvm"
    if not device.exists():
        return Check("/dev/kvm", "fail", "there is no such device", "load the KVM modules first")
    try:
        # Not access(2): it asks for the real user, and knows nothing of a container's devices.
        os.close(os.open(device, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK))
    except PermissionError:
        return Check(
            "/dev/kvm",
            "warn",
            "exists, but this user may not open it; QEMU's user may still be allowed to",
            "add the user to the group kvm if guests are to run as this user",
        )
    except OSError as error:
        words = f"exists, but cannot be opened: {os.strerror(error.errno or 0)}"
        return Check("/dev/kvm", "fail", words, "load the KVM modules, or give it to the container")
    return Check("/dev/kvm", "ok", "can be opened for reading and writing")


def _iommu_check(flag: str | None, root: Path) -> Check:
    groups = root / "sys/kernel/iommu_groups"
    count = sum(1 for _ in groups.iterdir()) if groups.is_dir() else 0
    if count:
        return Check(
            "IOMMU", "ok", f"in use with {plural(count, 'group')}: devices can be passed through"
        )
    option = "amd_iommu=on" if flag == "svm" else "intel_iommu=on"
    return Check(
        "IOMMU",
        "warn",
        "not in use: devices of the host cannot be passed to guests",
        f"switch it on in the firmware and boot with {option} iommu=pt",
    )


def _nested_check(flag: str | None, root: Path) -> Check:
    module = _FLAGS[flag][0] if flag else None
    value = _text(root / f"sys/module/{module}/parameters/nested").strip() if module else ""
    if value in ("1", "Y", "y"):
        return Check("nested", "ok", "guests can be hosts of guests")
    if value:
        cure = f"options {module} nested=1 in /etc/modprobe.d, if guests are to have guests"
        return Check("nested", "warn", "guests cannot be hosts of guests", cure)
    return Check("nested", "unknown", "the kernel does not say whether guests can have guests")


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_CHARS).decode("utf-8", "replace")
    except OSError:
        return ""
