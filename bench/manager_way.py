"""Ask a daemon as virt-manager's statsmanager.py does: ``python -m bench.manager_way URI``.

Once a second all domains are listed, with the bulk statistics that it asks for where
no graphs are wanted but that of the CPU. A line on the standard input ends it.
"""

import select
import sys

import libvirt

_PERIOD_S = 1.0


def main() -> None:
    """Ask until there is a line to read."""
    conn = libvirt.openReadOnly(sys.argv[1])
    groups = (
        libvirt.VIR_DOMAIN_STATS_STATE
        | libvirt.VIR_DOMAIN_STATS_CPU_TOTAL
        | libvirt.VIR_DOMAIN_STATS_VCPU
    )
    print("asks", flush=True)
    while not select.select([sys.stdin], [], [], _PERIOD_S)[0]:
        conn.listAllDomains()
        conn.getAllDomainStats(groups)
    conn.close()


if __name__ == "__main__":
    main()
