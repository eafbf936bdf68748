"""Sets pins, and asks libvirt and the kernel what became of them."""
