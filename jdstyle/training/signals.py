"""SIGTERM, SIGINT and SIGHUP: save and end, within seconds."""

import contextlib
import os
import signal
import sys
import threading

from jdstyle.files import terminal

EXIT_CODE = 3

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_PATIENCE_SECONDS = 8.0  # The promise is to end within ten.


class Signals:
    """Catches these signals while it is entered as a context.

    Where there is nothing to save, the process ends at once with exit code 3:
    what is on the disk is whole at any time. While `patient` is set, the
    training looks at `caught` after every step, saves and ends; if that takes
    too long, or a second signal comes, the process ends at once, too. Signals
    that nohup or a background shell ignores stay ignored. Enter it in the main
    thread.

    Attributes:
        caught: name of the signal that came, or None.
        patient: bool, whether a state is saved before the end.
    """

    def __init__(self):
        self.caught = None
        self.patient = False

    def __enter__(self):
        self._before = {
            number: signal.signal(number, self._handle)
            for number in _SIGNALS
            if signal.getsignal(number) != signal.SIG_IGN
        }
        return self

    def __exit__(self, *error):
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number, frame):
        name = signal.Signals(number).name
        if number == signal.SIGHUP:
            terminal.let_go()
        if self.caught or not self.patient:
            _end(f"{name}: stopped. Run the same command again to go on.")
        self.caught = name
        late = threading.Timer(
            _PATIENCE_SECONDS,
            _end,
            [
                f"{name}: this step takes too long to wait for. The same "
                "command goes on from the last saved state, if there is one."
            ],
        )
        late.daemon = True
        late.start()


def _end(message):
    """Ends the process without waiting for a step that computes."""
    # In the middle of a print, or nobody reads it.
    with contextlib.suppress(RuntimeError, OSError):
        sys.stdout.flush()
    with contextlib.suppress(OSError):
        os.write(2, f"{message}\n".encode())
    os._exit(EXIT_CODE)
