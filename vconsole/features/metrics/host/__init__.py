"""What metrics needs of libvirt."""
