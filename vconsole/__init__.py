"""vconsole: the terminal console of a virtualization host."""

__version__ = "0.1.0"
