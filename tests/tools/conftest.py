"""How the benches run in tests."""

import os
import pathlib

import binaries
import pytest

BENCH = pathlib.Path(__file__).parents[2] / "tools" / "bench"


@pytest.fixture
def bench(small_mobilenet, monkeypatch):
    """Runs a bench in a folder, in this process; returns what it printed.

    A test can import the modules beside the benches as well.
    """
    import keras

    from jdstyle.serving import loader

    # As it is, for when some benches have put their own in its place.
    monkeypatch.setattr(loader, "load", loader.load)
    monkeypatch.syspath_prepend(BENCH)
    path = binaries.environment(small=True)["PYTHONPATH"]
    monkeypatch.setenv("PYTHONPATH", path)
    policy = keras.config.dtype_policy()
    yield lambda folder, name, *flags: binaries.call(
        folder, os.path.join("tools", "bench", name), *flags
    )
    keras.config.set_dtype_policy(policy)
