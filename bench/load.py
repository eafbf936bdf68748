"""Loads: node files for libvirt's test driver, and the same guests as rows for the floors.

``python -m bench.load 1000 n1000.xml [--off]`` writes a file for ``test:///path/n1000.xml``.
Everything is a function of the number of domains, so that figures of two machines compare.
"""

import argparse
import hashlib
from collections.abc import Iterator
from pathlib import Path

from bench.rows import VCPUS, domain_name, memory_mib

_CELLS, _CORES, _THREADS = 4, 16, 2
PCPUS = _CELLS * _CORES * _THREADS
_HOST_KIB = 512 << 20
_SHUT_OFF = 5
_TEST_NAMESPACE = "http://libvirt.org/schemas/domain/test/1.0"


def _uuid(index: int) -> str:
    digits = hashlib.md5(f"vconsole bench {index}".encode(), usedforsecurity=False).hexdigest()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _domain(index: int, off: bool) -> str:
    kib = memory_mib(index) * 1024
    first = index * VCPUS
    pins = "".join(
        f'<vcpupin vcpu="{vcpu}" cpuset="{(first + vcpu) % PCPUS}"/>' for vcpu in range(VCPUS)
    )
    state = f"<test:runstate>{_SHUT_OFF}</test:runstate>" if off else ""
    return (
        f'<domain type="test" xmlns:test="{_TEST_NAMESPACE}">'
        f"<name>{domain_name(index)}</name><uuid>{_uuid(index)}</uuid>"
        f'<memory unit="KiB">{kib}</memory><vcpu placement="static">{VCPUS}</vcpu>'
        f"<cputune>{pins}</cputune>"
        f'<os><type arch="i686">hvm</type></os>{state}</domain>'
    )


def node_xml(domains: int, *, off: bool = False) -> Iterator[str]:
    """Yield the lines of a node file: one host of 128 pCPUs and its domains, each vCPU pinned.

    With `off` all domains are shut off: nothing on such a host ever changes.
    """
    yield "<node>"
    yield (
        f"<cpu><mhz>2600</mhz><model>x86_64</model><active>{PCPUS}</active><nodes>{_CELLS}</nodes>"
        f"<sockets>1</sockets><cores>{_CORES}</cores><threads>{_THREADS}</threads></cpu>"
    )
    yield f"<memory>{_HOST_KIB}</memory>"
    yield from (_domain(index, off) for index in range(1, domains + 1))
    yield "</node>"


def write_node(folder: Path, domains: int, *, off: bool = False) -> str:
    """Write a node file into `folder` and return its libvirt URI."""
    path = folder.resolve() / f"n{domains}{'-off' if off else ''}.xml"
    path.write_text("\n".join(node_xml(domains, off=off)) + "\n")
    return f"test://{path}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a node file for libvirt's test driver.")
    parser.add_argument("domains", type=int, help="how many")
    parser.add_argument("file", type=Path, help="where to")
    parser.add_argument("--off", action="store_true", help="all of them shut off")
    options = parser.parse_args()
    options.file.write_text("\n".join(node_xml(options.domains, off=options.off)) + "\n")


if __name__ == "__main__":
    main()
