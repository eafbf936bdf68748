"""What a domain runs with, against what it is defined with."""
