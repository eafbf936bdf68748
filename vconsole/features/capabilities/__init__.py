"""What the host can do, as libvirt writes it."""
