"""The demo host: libvirt's in-process test driver, and above it what that driver lacks.

Definitions, states, pins, memory, pools, volumes, networks and snapshots are the driver's: every
change is a call of libvirt's. What no driver without guests can know is invented: load, where
memory lies, what agents answer, traffic. `connection` puts the one above the other.
"""
