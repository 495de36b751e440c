"""Runs a loaded model over batches, so that nothing waits for decoding."""

import collections
import concurrent.futures

# How many batches are scored at a time: one decodes while one is in the
# networks. A third would take its memory and gain nothing.
_CALLS = 2


def run_ahead(classify, batches):
    """Runs a loaded model over batches, two at a time.

    Photos of one batch are decoded, and taken from `batches`, while another
    is in the networks.

    Args:
        classify: of `serving.load`.
        batches: iterable of `(key, photos)`: anything, and a string tensor
            `(batch,)` or a list of bytes.

    Yields:
        `(key, outputs)` in the order of `batches`: a dict of arrays, what the
        signature returns.
    """

    def call(photos):
        return {k: v.numpy() for k, v in classify(photos).items()}

    calls = collections.deque()
    with concurrent.futures.ThreadPoolExecutor(_CALLS) as pool:
        for key, photos in batches:
            calls.append((key, pool.submit(call, photos)))
            if len(calls) == _CALLS:
                key, future = calls.popleft()
                yield key, future.result()
        for key, future in calls:
            yield key, future.result()
