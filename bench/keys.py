"""Names of keys and the bytes a terminal sends for them."""

_NAMED = {
    "Up": "\x1b[A",
    "Down": "\x1b[B",
    "PageUp": "\x1b[5~",
    "PageDown": "\x1b[6~",
    "Home": "\x1b[H",
    "End": "\x1b[F",
    "Enter": "\r",
    "Escape": "\x1b",
    "Tab": "\t",
    "Backspace": "\x7f",
    "F1": "\x1bOP",
}


def key_bytes(name: str) -> bytes:
    """Return what the terminal sends: a named key, or the characters of `name` themselves."""
    return _NAMED.get(name, name).encode()


def there_and_back(forth: str, back: str, steps: int, presses: int) -> tuple[str, ...]:
    """Return `presses` keys that go `steps` one way, then as far back, and so on.

    A list shorter than the number of presses is so never pushed against its end, where a
    press changes nothing.
    """
    cycle = [forth] * steps + [back] * steps
    return tuple(cycle[i % len(cycle)] for i in range(presses))
