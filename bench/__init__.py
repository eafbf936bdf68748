"""The yardstick: how fast, how heavy and how well-behaved vconsole is in a terminal.

Every program is measured from outside, in a pseudo-terminal, by what it writes and by what
the kernel says it used; peers and bare-bones floors are measured the same way in the same run.
"""
