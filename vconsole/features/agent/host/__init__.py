"""What is asked of guest agents, by libvirt or over a socket."""
