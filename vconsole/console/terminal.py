"""The terminal, as it may be: slow, stalled or gone.

Textual's driver queues every frame for a terminal that takes none and shows them all one after the
other later, waits for it at the end, reads on for ever from one that was closed, and looks for a
key ten times a second. Here a terminal that does not keep up gets the last frame only, the end of
the terminal is the end of the program, and a key wakes who waits for it.
"""

from __future__ import annotations

import os
import select
import selectors
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from threading import Condition, Event, Thread
from time import monotonic
from typing import TYPE_CHECKING, Any

from textual.drivers.linux_driver import LinuxDriver

from vconsole.cli.output import terminal_size
from vconsole.console.ending import end_by_signals
from vconsole.console.typed import Typed

if TYPE_CHECKING:
    from textual.app import App
    from textual.message import Message

STALLED_S = 0.25
"""A terminal that has not taken what was written so long ago gets no further frame."""
LAST_WORDS_S = 2.0
"""How long the end waits for a terminal to take what gives it back to the shell."""
GONE = 128 + signal.SIGHUP
"""The return code after the terminal was closed."""


class Writer(Thread):
    """Writes on a thread of its own; says when the terminal does not keep up, and that it is gone.

    Args:
        descriptor: Of the terminal.
        gone: Called once when nothing can be written any more, from this thread.
        caught_up: Called when everything was taken after a stall, from this thread.
    """

    def __init__(
        self, descriptor: int, gone: Callable[[], object], caught_up: Callable[[], object]
    ) -> None:
        super().__init__(name="vconsole-terminal", daemon=True)
        self._descriptor, self._gone, self._caught_up = descriptor, gone, caught_up
        self._changed = Condition()
        self._waiting: deque[str] = deque()
        self._since: float | None = None
        """When the oldest of what was not taken yet was written."""
        self._stopping = self._was_stalled = False

    @property
    def stalled(self) -> bool:
        """The terminal has not taken for a while what it was given."""
        with self._changed:
            late = self._since is not None and monotonic() - self._since > STALLED_S
            self._was_stalled |= late
            return late

    def write(self, text: str) -> None:
        """Write when what was written before has been taken."""
        with self._changed:
            self._waiting.append(text)
            if self._since is None:
                self._since = monotonic()
            self._changed.notify_all()

    def fileno(self) -> int:
        """Descriptor of the terminal."""
        return self._descriptor

    def flush(self) -> None:
        """Nothing is held back."""

    def isatty(self) -> bool:
        """It is a terminal."""
        return True

    def stop(self) -> None:
        """End when all was taken, or after `LAST_WORDS_S`."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self.join(LAST_WORDS_S)

    def run(self) -> None:
        """Write until the end."""
        while (text := self._next()) is not None:
            try:
                _write_all(self._descriptor, text.encode("utf-8", "replace"))
            except OSError:
                self._gone()
                return

    def _next(self) -> str | None:
        """All that waits, as soon as something does; None at the end."""
        with self._changed:
            caught_up = not self._waiting and self._was_stalled
            if not self._waiting:
                self._since, self._was_stalled = None, False
        if caught_up:
            self._caught_up()
        with self._changed:
            while not self._waiting and not self._stopping:
                self._changed.wait()
            text = "".join(self._waiting)
            self._waiting.clear()
            return text or None


class Ending(Event):
    """An event that a selector can wait for, beside the terminal: `reader` can be read once set."""

    def __init__(self) -> None:
        super().__init__()
        self.reader, self._writer = os.pipe()
        os.set_blocking(self.reader, False)

    def set(self) -> None:
        """Wake who waits."""
        super().set()
        os.write(self._writer, b"x")

    def clear(self) -> None:
        """Wait again."""
        with suppress(BlockingIOError):
            os.read(self.reader, 4096)
        super().clear()


def _terminal() -> int:
    """The descriptor that is drawn on."""
    return sys.__stdout__.fileno() if sys.__stdout__ else 1


def _write_all(descriptor: int, data: bytes) -> None:
    """Write it all; whoever shares the terminal may have made its writes return at once."""
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:
            select.select((), (descriptor,), ())


class TerminalDriver(LinuxDriver):
    """See the module. It draws on standard output; descriptor 2 is for errors."""

    def __init__(
        self,
        app: App[Any],
        *,
        debug: bool = False,
        mouse: bool = True,
        size: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._file = sys.__stdout__
        self._lost = False
        self.exit_event = self._ending = Ending()

    def start_application_mode(self) -> None:
        """Take the terminal; from just before that on, what ends a session gives it back."""
        if self._key_thread is None:  # later they stay as they are: amid an editor, its own
            end_by_signals(self._app)
        take: Callable[[], None] = super().start_application_mode  # which says no types
        try:
            take()
        except Exception:  # no thread is to be had
            self.suspend_application_mode()
            raise

    def stop_application_mode(self) -> None:
        """Give the terminal back; what Textual asks of some, to count in pixels, it leaves on."""
        if self._mouse_pixels:
            self.write("\x1b[?1016l")
        give: Callable[[], None] = super().stop_application_mode
        give()

    # -- stopped by the shell, and continued -------------------------------------------------
    #
    # In the loop: the main thread may be in the middle of writing when a signal comes.

    def _sigtstp_application(self, *_: object) -> None:
        """Stop; at once where an editor has the terminal."""
        if self._auto_restart:
            self._in_loop(self._stop)
        else:
            os.kill(os.getpid(), signal.SIGSTOP)

    def _sigcont_application(self, *_: object) -> None:
        """Go on with the terminal taken, which whoever had it meanwhile may have changed.

        SIGCONT also comes to who was never stopped: behind the SIGHUP of a session that ends.
        """
        if self._auto_restart:
            self._in_loop(self._take_again)

    def _in_loop(self, do: Callable[[], None]) -> None:
        def done() -> None:
            try:
                do()
            except Exception as error:  # asyncio would tell nobody
                self._app._handle_exception(error)

        with suppress(RuntimeError):  # a loop that is over
            self._loop.call_soon_threadsafe(done)

    def _stop(self) -> None:
        if self._app.is_running and not self._app._exit:
            self.suspend_application_mode()
            os.kill(os.getpid(), signal.SIGSTOP)

    def _take_again(self) -> None:
        if self._app._exit or not self._app.is_running:
            return
        if self._key_thread is not None and self._key_thread.is_alive():
            self.suspend_application_mode()
        self._must_signal_resume = True
        self.resume_application_mode()
        self._redraw()  # the screen is empty, though its size is as before

    def _get_terminal_size(self) -> tuple[int, int]:
        return terminal_size()

    def drops_frame(self) -> bool:
        """Whether the terminal is to be spared this frame; it gets the last one when it can."""
        writer = self._writer_thread
        return isinstance(writer, Writer) and writer.stalled

    def write(self, data: str) -> None:
        """Write; nothing where the terminal is gone."""
        if not isinstance(self._writer_thread, Writer):
            self._replace_writer()
        if not self._lost:
            super().write(data)

    def _replace_writer(self) -> None:
        """Textual has just made its own, and written nothing yet."""
        theirs: Any = self._writer_thread
        if theirs is not None:
            theirs.stop()
        ours: Any = Writer(_terminal(), self._gone, self._caught_up)
        self._writer_thread = ours
        ours.start()

    def _caught_up(self) -> None:
        """Draw the whole screen, of which parts were not shown."""
        self._app.call_later(self._redraw)

    def _redraw(self) -> None:
        self._app.refresh()

    def _gone(self) -> None:
        """The terminal was closed: end. From any thread."""
        if not self._lost:
            self._lost = True
            self._app.call_later(self._end)

    def _end(self) -> None:
        self._app.exit(return_code=GONE)

    def _run_input_thread(self) -> None:
        """End the program with its error; Textual's would end it without one."""
        try:
            self.run_input_thread()
        except Exception as error:
            self._app.call_later(self._app._handle_exception, error)

    def run_input_thread(self) -> None:
        """Hand on what is typed until the end, or that of the terminal."""
        typed = Typed(self._debug)
        with selectors.SelectSelector() as selector:
            for descriptor in (self.fileno, self._ending.reader):
                selector.register(descriptor, selectors.EVENT_READ)
            while not self.exit_event.is_set() and not self._lost:
                ready = selector.select(typed.patience)
                if any(key.fd == self.fileno for key, _ in ready):
                    self._hand_on(typed.feed(self._read()))
                self._hand_on(typed.tick())

    def _hand_on(self, events: Iterable[Message]) -> None:
        for event in events:
            self.process_message(event)

    def _read(self) -> bytes:
        try:
            data = os.read(self.fileno, 4096)
        except BlockingIOError:  # somebody else has read it
            return b""
        except OSError:
            data = b""
        if not data:
            self._gone()
        return data
