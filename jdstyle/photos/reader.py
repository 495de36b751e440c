"""Photo files read, checked and normalised on all cores, in order."""

import collections
import itertools
import os
import time

from absl import logging

from jdstyle.files import threads
from jdstyle.photos import normalise

# Photos in flight: enough for every core, few enough to keep memory flat.
_WINDOW = 256

MISSING = "no such file"


def read_ahead(items, read, *, short_side, find_box=None, window=_WINDOW):
    """Reads and checks photos on all cores, ahead of who takes them.

    Args:
        items: list.
        read: function of an item that returns the bytes of its photo; raises
            `OSError` where it cannot.
        short_side: int, pixels, as in `normalise.normalise`.
        find_box: function of an item that returns the box to cut its photo to
            or None, as in `normalise.normalise`; None to cut none.
        window: int, how many photos may be in flight.

    Yields:
        `(item, photo, reason)` in the order of `items`: a `normalise.Photo` and
        None, or None and why it cannot be used.
    """
    ahead = collections.deque()
    remaining = iter(items)
    with threads.pool(os.cpu_count()) as pool:
        for _ in range(len(items)):
            for item in itertools.islice(remaining, window - len(ahead)):
                ahead.append(
                    (
                        item,
                        pool.submit(_check, item, read, short_side, find_box),
                    )
                )
            item, future = ahead.popleft()
            yield (item, *future.result())


def _check(item, read, short_side, find_box):
    box = find_box(item) if find_box else None
    try:
        return normalise.normalise(read(item), short_side, box), None
    except FileNotFoundError:
        return None, MISSING
    except OSError as error:
        return None, f"cannot be read: {error.strerror}"
    except normalise.PhotoError as error:
        return None, str(error)


class Progress:
    """Logs photos done, rate and time left every few seconds, and at the end.

    Args:
        done: string, what is done to a photo: "Checked".
        total: int, number of photos.
    """

    INTERVAL = 5.0  # Seconds.

    def __init__(self, done, total):
        self._done = done
        self._total = total
        self._start = self._last = time.monotonic()

    def show(self, count, num_rejected):
        """Logs how many photos are done and how many of those were bad."""
        now = time.monotonic()
        if now - self._last < self.INTERVAL and count < self._total:
            return
        self._last = now
        rate = count / max(now - self._start, 1e-9)
        logging.info(
            "%s %d of %d photos, %d rejected, %.0f photos/s, %.0f s left",
            self._done,
            count,
            self._total,
            num_rejected,
            rate,
            (self._total - count) / rate,
        )
