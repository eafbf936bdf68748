"""What storage needs of libvirt."""
