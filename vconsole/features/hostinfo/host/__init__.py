"""What hostinfo needs of libvirt."""
