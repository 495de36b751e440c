"""SIGTERM and SIGINT: save and end, within seconds."""

import contextlib
import os
import signal
import sys
import threading

EXIT_CODE = 3

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_PATIENCE_SECONDS = 8.0  # Ten are promised.


class Signals:
    """Catches both signals while it is entered as a context.

    Where nothing is to be saved the process ends at once, with exit code 3:
    what is on the disk is whole at any time. While `patient` is set, somebody
    looks at `caught` after every step, saves and ends; should that take too
    long, or at a second signal, the process ends as well. What nohup or a
    background shell ignores stays ignored. For the main thread.

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
        if self.caught or not self.patient:
            _end(f"{name}: stopped. Run the same command again to go on.")
        self.caught = name
        late = threading.Timer(
            _PATIENCE_SECONDS,
            _end,
            [f"{name}: this step takes long; the last checkpoint stays."],
        )
        late.daemon = True
        late.start()


def _end(message):
    """Ends the process without waiting for a step that computes."""
    with contextlib.suppress(RuntimeError):  # In the midst of a print.
        sys.stdout.flush()
    os.write(2, f"{message}\n".encode())
    os._exit(EXIT_CODE)
