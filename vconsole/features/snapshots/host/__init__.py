"""What snapshots needs of libvirt."""
