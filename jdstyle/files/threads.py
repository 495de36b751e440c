"""Threads that nobody waits for once the work is broken off."""

import concurrent.futures
import contextlib
import os
import sys
import threading

# Of pools whose body was broken off.
_left = []


@contextlib.contextmanager
def pool(number):
    """Runs calls in threads; an exception in the body waits for none of them.

    Ctrl-C else waits for a photo that takes a minute.

    Args:
        number: int, of threads.

    Yields:
        `concurrent.futures.ThreadPoolExecutor`.
    """
    before = set(threading.enumerate())
    executor = concurrent.futures.ThreadPoolExecutor(number)
    try:
        yield executor
    except BaseException:
        executor.shutdown(wait=False, cancel_futures=True)
        _left.extend(set(threading.enumerate()) - before)
        raise
    executor.shutdown()


def end_process(code):
    """Ends the process, as `sys.exit`, also where a thread of a pool works on.

    Args:
        code: int, the exit code.
    """
    if any(thread.is_alive() for thread in _left):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
