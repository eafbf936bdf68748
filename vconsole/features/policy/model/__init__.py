"""Clock, power, performance counters and USB redirection of a domain: what is set, and edits of it.

An edit is a pure function of the inactive XML that changes one element. It takes effect at the
domain's next start.
"""
