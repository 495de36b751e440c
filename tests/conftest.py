"""How the tests run, and a tiny prepared data set that several share."""

import csv
import os
import subprocess
import sys

# Before TensorFlow is imported: its log would bury the tests'.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# As in an activated environment: `python` is this one.
os.environ["PATH"] = os.pathsep.join(
    [os.path.dirname(sys.executable), os.environ.get("PATH", "")]
)

import binaries  # noqa: E402
import hypothesis  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402
from PIL import Image  # noqa: E402

# Hypothesis else fails a test whose examples a busy machine draws slowly.
hypothesis.settings.register_profile(
    "untimed",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("untimed")


def pytest_addoption(parser):
    parser.addoption(
        "--mutants",
        type=int,
        default=500,
        help="How many damaged photos the fuzz test decodes.",
    )
    parser.addoption(
        "--kills",
        type=int,
        default=2,
        help="How often tests/walks/test_walk_recovery.py kills a training.",
    )
    parser.addoption(
        "--device",
        choices=["GPU", "CPU"],
        default="GPU",
        help="Where the tests marked gpu run; CPU only shows that they do.",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config):
    """Uses two processes where somebody asks for all tests and nothing else.

    Whoever names files, a number of processes or a debugger gets just that.
    """
    option = config.option
    # Without pytest-xdist, or in one of its processes.
    if not hasattr(option, "numprocesses") or hasattr(config, "workerinput"):
        return
    everything = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    alone = (
        option.usepdb
        or option.trace
        or option.capture == "no"
        or "timed" in option.markexpr
    )
    if option.numprocesses is None and everything and not alone:
        option.numprocesses = 2
        _count_lines_of_workers(config)
    if option.numprocesses and option.dist == "no":
        # A file's fixtures are made once; the order of the files stays.
        option.dist = "loadfile"
        option.loadscopereorder = False


def _count_lines_of_workers(config):
    """Begins --cov anew: it has begun to count in this process alone."""
    cov = config.pluginmanager.getplugin("_cov")
    if cov is not None and cov.cov_controller is not None:
        cov.cov_controller.cov.stop()
        config.pluginmanager.unregister(cov)
        anew = type(cov)(config.option, config.pluginmanager)
        config.pluginmanager.register(anew, "_cov")


def pytest_collection_modifyitems(config, items):
    # Begun last, the longest walk would leave the other process idle.
    items.sort(key=lambda item: item.get_closest_marker("walk") is None)
    for item in items:
        if item.get_closest_marker("long"):
            # Counting lines makes Keras half as slow again, and they run in
            # unit tests and walks as well.
            item.add_marker("no_cover")
    if "timed" not in config.option.markexpr:
        timed = [item for item in items if item.get_closest_marker("timed")]
        items[:] = [item for item in items if item not in timed]
        config.hook.pytest_deselected(items=timed)


@pytest.fixture(autouse=True)
def _unit_tests_start_no_python(request, monkeypatch):
    """Holds the border between the lanes; `git` and the like are quick."""
    node = request.node
    if node.get_closest_marker("long") or node.get_closest_marker("walk"):
        return
    start = subprocess.Popen.__init__

    def start_others(process, args, *rest, **options):
        if args[0] == sys.executable:
            refuse()
        start(process, args, *rest, **options)

    def refuse():
        pytest.fail("Mark a test that starts a process as long or walk.")

    monkeypatch.setattr(subprocess.Popen, "__init__", start_others)
    monkeypatch.setattr(os, "fork", refuse)


@pytest.fixture
def device(request):
    """The kind of device that tests marked `gpu` run on; skips without it."""
    import tensorflow as tf

    kind = request.config.option.device
    if not tf.config.list_physical_devices(kind):
        pytest.skip("TensorFlow sees no GPU here.")
    return kind


@pytest.fixture
def log(caplog):
    """What is logged from here on, whatever level other tests left behind."""
    caplog.set_level("INFO", "absl")
    return caplog


STYLES = ("bright", "rare")
NUM_PHOTOS = 80


@pytest.fixture(scope="session")
def table(tmp_path_factory):
    """A CSV and 80 photos of noise: style "bright" is the brighter half.

    Every eighth photo has style "rare" as well; the first is the number of the
    photo, so no two are alike. 48 x 64 pixels.
    """
    folder = tmp_path_factory.mktemp("table")
    rng = np.random.default_rng(0)
    with open(folder / "labels.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", *STYLES])
        for i in range(NUM_PHOTOS):
            bright, rare = i % 2, int(i % 8 == 0)
            pixels = rng.integers(0, 128, (64, 48, 3)) + 120 * bright
            pixels = pixels.astype("uint8")
            Image.fromarray(pixels).save(folder / f"{i}.jpg", quality=95)
            writer.writerow([f"{i}.jpg", bright, rare])
    return folder / "labels.csv"


@pytest.fixture(scope="session")
def data_dir(table, tmp_path_factory):
    """A folder that holds the table prepared as label_table/tiny."""
    from jdstyle.datasets import builder
    from jdstyle.datasets import prepared

    folder = str(tmp_path_factory.mktemp("data"))
    prepared.prepare(
        prepared.make_builder(
            "label_table/tiny",
            folder,
            builder.Options(short_side=64),
            table=str(table),
            images_dir=str(table.parent),
            allow_all_zero=True,
        )
    )
    return folder


@pytest.fixture
def disk(tmp_path):
    """A function of megabytes that mounts or resizes a disk of that size."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = []

    def resize(megabytes):
        options = f"size={megabytes}m" + (",remount" if mounted else "")
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)],
            capture_output=True,
        )
        if done.returncode:
            pytest.skip("No right to mount a small disk.")
        mounted.append(megabytes)
        return folder

    yield resize
    if mounted:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(scope="module")
def small_mobilenet():
    """Makes MobileNet and MobileNetV2 a few convolutions, in a whole module."""
    import keras

    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(binaries.SMALL)
        import small_networks

        applications = keras.applications
        patch.setattr(applications, "MobileNet", small_networks.build)
        patch.setattr(applications, "MobileNetV2", small_networks.build_heavy)
        yield


@pytest.fixture
def tiny(data_dir):
    """The prepared tiny data set, read-only."""
    from jdstyle.datasets import prepared

    return prepared.open_prepared("label_table/tiny", data_dir)


@pytest.fixture(scope="session")
def small_demo(tmp_path_factory):
    """A folder that holds 300 photos of the demo, prepared."""
    from jdstyle.datasets import builder
    from jdstyle.datasets import prepared
    from jdstyle.datasets.demo import builder as demo

    folder = str(tmp_path_factory.mktemp("demo"))
    options = builder.Options()
    prepared.prepare(
        demo.Demo(num_photos=300, data_dir=folder, options=options)
    )
    return folder
