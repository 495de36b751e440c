"""Tests for `jdstyle.serving.loader`."""

import threading

import numpy as np
import pytest
import tensorflow as tf

from jdstyle.errors import Failure
from jdstyle.serving import loader


class Calls:
    """Stands for a model: each call waits until `together` of them run."""

    def __init__(self, together):
        self._barrier = threading.Barrier(together, timeout=60)
        self._lock = threading.Lock()
        self.running = self.most = 0

    def __call__(self, photos):
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self._barrier.wait()
        with self._lock:
            self.running -= 1
        return {"probabilities": tf.constant([[len(photos)]], tf.float32)}


def test_two_batches_at_a_time_in_their_order():
    # A call returns only while another runs; six calls are three pairs.
    calls = Calls(together=2)
    batches = [(key, [b""] * (1 + i)) for i, key in enumerate("abcdef")]
    scored = list(loader.run_ahead(calls, batches))
    assert [key for key, _ in scored] == list("abcdef")
    sizes = [float(out["probabilities"][0, 0]) for _, out in scored]
    assert sizes == [1, 2, 3, 4, 5, 6]
    assert calls.most == 2


def test_the_next_batches_are_read_while_one_is_scored():
    taken = []

    def batches():
        for key in range(4):
            taken.append(key)
            yield key, [b""]

    scored = loader.run_ahead(Calls(together=1), batches())
    assert next(scored)[0] == 0
    assert taken == [0, 1]  # And no more of them are held in memory.
    assert next(scored)[0] == 1
    assert taken == [0, 1, 2]


def test_a_failed_call_ends_the_scoring():
    def broken(photos):
        raise tf.errors.InvalidArgumentError(None, None, "broken photo")

    with pytest.raises(Failure, match="cannot score photos .Inval.*broken ph"):
        list(loader.run_ahead(broken, [(0, [b""]), (1, [b""])]))


def test_what_is_no_number_ends_the_scoring():
    outputs = {
        "probabilities": tf.constant([[0.5], [np.nan]]),
        "valid": tf.constant([True, False]),
    }
    ((_, found),) = loader.run_ahead(lambda _: outputs, [(0, [b"", b""])])
    assert found["probabilities"][0] == 0.5  # The other is no photo.
    outputs["valid"] = tf.constant([True, True])
    with pytest.raises(Failure, match="probabilities that are not finite"):
        list(loader.run_ahead(lambda _: outputs, [(0, [b"", b""])]))
