"""Open a libvirt connection and end: the part of a start that no client can save.

``python -m bench.open_probe URI`` prints the milliseconds that ``virConnectOpen`` took.
"""

import sys
import time

import libvirt

if __name__ == "__main__":
    started = time.perf_counter()
    libvirt.open(sys.argv[1])
    print(f"open_ms={(time.perf_counter() - started) * 1000:.1f}")
