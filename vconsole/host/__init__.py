"""The only room that reaches the machine: libvirt, psutil, /proc and /sys."""
