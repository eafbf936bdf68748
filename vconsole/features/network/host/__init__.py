"""What network needs of libvirt."""
