"""Threads that nobody waits for once the work is broken off."""

import concurrent.futures
import contextlib
import os
import sys
import threading


@contextlib.contextmanager
def pool(number):
    """Runs calls in threads; an exception in the body waits for none of them.

    Ctrl-C else waits for a photo that takes a minute.

    Args:
        number: int, of threads.

    Yields:
        `concurrent.futures.ThreadPoolExecutor`.
    """
    executor = concurrent.futures.ThreadPoolExecutor(number)
    try:
        yield executor
    except BaseException:
        executor.shutdown(wait=False, cancel_futures=True)
        raise
    executor.shutdown()


def end_process(code):
    """Ends the process, as `sys.exit`, also where a thread still works.

    Args:
        code: int, the exit code.
    """
    if any(
        not thread.daemon and thread is not threading.current_thread()
        for thread in threading.enumerate()
    ):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
