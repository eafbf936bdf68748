"""The tests; `scenes` has the hosts they look at."""
