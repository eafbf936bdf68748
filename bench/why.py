"""What the page `W` costs the host while it is open: its sampling, at its pace.

``python -m bench.why`` looks at a pCPU of this machine, among a thousand threads that sleep, and
writes one figure a line. Painting is what other cases measure.
"""

import sys
import threading
import time

from bench.plan import Case
from vconsole.features.why.host import sample
from vconsole.features.why.model.rank import causes, thread_rates
from vconsole.features.why.model.sample import ReadWhy, pause_s

WHY = "why page among 1000 threads"
_THREADS, _LOOKS = 1000, 4


def why_case() -> Case:
    """Return it as a command to measure."""
    return Case(WHY, (sys.executable, "-m", "bench.why"), group="vconsole")


def host_pct() -> float:
    """CPU time of some looks and their ranking, in percent of one core over the time they take."""
    before = sample(ReadWhy("", 0), {})
    begun, cpu_s = time.perf_counter(), time.process_time()
    for _ in range(_LOOKS):
        time.sleep(pause_s(before))
        now = sample(ReadWhy("", 0, before), {})
        causes(before, now, {})
        thread_rates(before, now)
        before = now
    return 100 * (time.process_time() - cpu_s) / (time.perf_counter() - begun)


if __name__ == "__main__":
    done = threading.Event()
    for _ in range(_THREADS):
        threading.Thread(target=done.wait, daemon=True).start()
    print(f"host_pct={host_pct():.2f}")
    done.set()
