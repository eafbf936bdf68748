"""Where and on what the figures were measured."""

import importlib.metadata
import os
import platform
import re
import subprocess
import time
from pathlib import Path


def facts() -> dict[str, str]:
    """Return what figures depend on: processor, memory, kernel and versions."""
    processor = _first(r"model name\s*: (.*)", "/proc/cpuinfo")
    memory_kib = int(_first(r"MemTotal:\s*(\d+)", "/proc/meminfo") or 0)
    return {
        "when": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()),
        "processor": f"{os.cpu_count()} x {processor}",
        "memory": f"{memory_kib / 2**20:.1f} GiB",
        "system": _first(r'PRETTY_NAME="(.*)"', "/etc/os-release"),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "textual": _version("textual"),
        "libvirt-python": _version("libvirt-python"),
        "libvirt": _said("virsh", "--version"),
    }


def pressure() -> dict[str, float]:
    """Return what may have disturbed a run: load average, and seconds stolen by the hypervisor."""
    cpu = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    return {"load_1m": os.getloadavg()[0], "stolen_s": int(cpu[8]) / os.sysconf("SC_CLK_TCK")}


def _first(pattern: str, path: str) -> str:
    try:
        found = re.search(pattern, Path(path).read_text())
    except OSError:
        return ""
    return found.group(1) if found else ""


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _said(*argv: str) -> str:
    try:
        return subprocess.run(argv, capture_output=True, text=True, timeout=5).stdout.strip()
    except OSError:
        return "not installed"
