"""Downloads the photos that the official JD files name by URL.

    python tools/download_photos.py --manual_dir=DIR

What proves to be a photo goes to DIR/images/<id>.jpg, its bytes as they came.
Stop it at any time: the same command goes on and fetches none that is there.

DIR/gone.csv (id, url, reason) names what is not there. Gone for good, so not
tried by later runs without --retry_gone: HTTP 404 and 410, more than 50 MB, and
what is no photo in two tries. "gave up: ..." is tried again by the next run.

Exit codes: 0 all are there or gone for good; 1 some failed, or none is there;
2 wrong flags or files, no network; 3 stopped; 4 a full disk.
"""

import collections
import csv
import io
import itertools
import multiprocessing.pool
import pathlib
import random
import re
import sys
import time

import bounded
import urllib3
from absl import flags

import jdstyle
from jdstyle import cli
from jdstyle import commands
from jdstyle import path_flags
from jdstyle import styles
from jdstyle.datasets import csv_files
from jdstyle.errors import InputError
from jdstyle.files import places
from jdstyle.photos import normalise
from jdstyle.photos import reader

_MANUAL_DIR = path_flags.DEFINE_folder(
    "manual_dir", None, "Folder of the label files; takes images/ and gone.csv."
)
_FILES = flags.DEFINE_list(
    "files", "train.txt,test.txt", "Label files in it: id, url and maybe flags."
)
_JOBS = flags.DEFINE_integer("jobs", 16, "Photos at a time.", 1, 256)
_RETRIES = flags.DEFINE_integer("retries", 4, "More tries per photo.", 0, 20)
_TIMEOUT = flags.DEFINE_float(
    "timeout", 60, "Seconds that end a try, from name to last byte.", 0.1
)
_BACKOFF = flags.DEFINE_float(
    "backoff", 1, "Seconds to the second try, give or take half; doubles.", 0
)
_ALLOW_PRIVATE = flags.DEFINE_boolean(
    "allow_private",
    False,
    "Fetch from loopback, link-local and private addresses as well.",
)
_RETRY_GONE = flags.DEFINE_boolean(
    "retry_gone", False, "Try again what is gone for good."
)

MAX_BYTES = 50_000_000  # 100 usual photos; memory takes it --jobs times.
STOP_AFTER = 100  # Failed photos in a row: the network is down or bars us.

_GAVE_UP = "gave up: "  # Begins the reason of what is not gone for good.
_LONGEST_WAIT = 60  # Seconds, whatever the server asks for.
_SILENCE = 20  # Seconds without a byte that end a try before --timeout.
_SESSION = bounded.session()
_SESSION.headers["User-Agent"] = f"jdstyle/{jdstyle.__version__}"
_SESSION.headers["Accept-Encoding"] = "identity"


class Fault(Exception):
    """A try without a photo: why, how many such end it, seconds to wait."""

    def __init__(self, reason, tries=None, wait=0):
        super().__init__(reason)
        self.tries, self.wait = tries, wait


def main(argv):
    del argv
    folder = pathlib.Path(_MANUAL_DIR.value)
    urls = read_urls([folder / name for name in _FILES.value])
    counts = download(urls, folder / "images", folder / "gone.csv")
    print(
        f"Photos: {counts['downloaded']} downloaded, {counts['there']} there "
        f"before, {counts['gone']} gone, {counts['failed']} failed"
    )
    print(f"Gone, or failed and tried by the next run: {folder / 'gone.csv'}")
    if not counts["downloaded"] + counts["there"]:
        print("No photo is there. --retry_gone tries again what is gone.")
        sys.exit(1)
    following = commands.line(
        "prepare",
        dataset="jd_fashion",
        manual_dir=folder,
        allow_missing=True if counts["gone"] + counts["failed"] else None,
    )
    print(f"Next: {following}")
    sys.exit(1 if counts["failed"] else 0)


def read_urls(paths):
    """Returns a dict from id to URL; any fault raises InputError."""
    rows = {}
    files = [csv_files.read(path, "--files") for path in paths]
    for where, values in itertools.chain(*files):
        if len(values) not in (2, 2 + len(styles.NAMES)):
            raise InputError(
                f"{where}: expected id,url and {len(styles.NAMES)} flags or "
                f"none, got {len(values)} columns: {values}."
            )
        photo_id, url = values[0].strip(), values[1].strip()
        # As in jd_fashion: it becomes a file's name.
        if photo_id in ("", ".", "..") or set(photo_id) & set("/\\\0"):
            raise InputError(f"{where}: not a photo's id: {photo_id!r}.")
        if not re.match(r"https?://[^\s/?#]", url, re.IGNORECASE):
            raise InputError(f"{where}: not an http or https URL: {url!r}.")
        there, at = rows.setdefault(photo_id, (url, where))
        if there != url:
            raise InputError(f"{where}: {photo_id} has another URL at {at}.")
    return {photo_id: url for photo_id, (url, _) in rows.items()}


def download(urls, images, report):
    """Fetches what is not in `images`, rewrites `report`, returns counts."""
    places.require_folder(str(images), "manual_dir")
    images.mkdir(exist_ok=True)
    # Empty ones count as missing: other tools leave such.
    there = {
        p.stem
        for p in images.iterdir()
        if p.suffix == ".jpg" and p.stat().st_size
    }
    known = _read_gone(report)
    reasons = {i: known.get((i, urls[i]), "") for i in urls if i not in there}
    skipped = () if _RETRY_GONE.value else ("gone",)
    pending = [i for i, why in reasons.items() if _outcome(why) not in skipped]
    # What fails in every run must not bar the way to the rest.
    random.shuffle(pending)

    def work(photo_id):
        try:
            _write(images / f"{photo_id}.jpg", fetch_photo(urls[photo_id]))
        except Fault as fault:
            return photo_id, str(fault)
        return photo_id, ""

    num_bad = in_a_row = 0
    progress = reader.Progress("Fetched", len(pending))
    try:
        # Daemon threads: those of concurrent.futures would keep the process
        # waiting for servers after Ctrl-C.
        with multiprocessing.pool.ThreadPool(_JOBS.value) as pool:
            results = pool.imap_unordered(work, pending)
            for i, (photo_id, reason) in enumerate(results, 1):
                reasons[photo_id] = reason
                num_bad += bool(reason)
                progress.show(i, num_bad)
                failed = _outcome(reason) == "failed"
                in_a_row = in_a_row + 1 if failed else 0
                if in_a_row == STOP_AFTER:
                    raise InputError(
                        f"{in_a_row} photos in a row failed, the last: {reason}"
                        ". Is the network up? The same command goes on."
                    )
    finally:
        _write_gone(report, [(i, urls[i], why) for i, why in reasons.items()])
    counts = collections.Counter(map(_outcome, reasons.values()))
    return counts + collections.Counter({"there": len(urls) - len(reasons)})


def _outcome(reason):
    if not reason:
        return "downloaded"
    return "failed" if reason.startswith(_GAVE_UP) else "gone"


def fetch_photo(url):
    """Returns the bytes of a photo; raises the last `Fault`."""
    seen = collections.Counter()
    for attempt in itertools.count():
        try:
            return _try(url)
        except Fault as fault:
            seen[str(fault)] += 1
            if attempt == _RETRIES.value or seen[str(fault)] == fault.tries:
                raise
            wait = _BACKOFF.value * 2**attempt * random.uniform(0.5, 1.5)
            time.sleep(min(max(wait, fault.wait), _LONGEST_WAIT))


def _try(url):
    try:
        data = _fetch(url)
        normalise.normalise(bytes(data))
        return data
    except normalise.PhotoError as error:
        raise Fault(str(error), tries=2) from error
    except Fault:
        raise
    except bounded.PrivateAddressError as error:
        raise Fault(f"{_GAVE_UP}{error}", tries=1) from error
    # Odd headers make requests and urllib3 raise nearly anything.
    except Exception as error:
        while error.__context__:
            error = error.__context__
        raise Fault(f"{_GAVE_UP}{error or type(error).__name__}") from error


def _fetch(url):
    """Returns the bytes that a URL gives, whatever they are."""
    seconds, silence = _TIMEOUT.value, min(_TIMEOUT.value, _SILENCE)
    data = bytearray()
    with bounded.bounds(seconds, allow_private=_ALLOW_PRIVATE.value) as is_over:
        try:
            with _SESSION.get(url, timeout=silence, stream=True) as response:
                _require_ok(response)
                # `read1`, as all others wait for a server that drips.
                while chunk := response.raw.read1(65_536, decode_content=True):
                    data += chunk
                    if len(data) > MAX_BYTES:
                        raise Fault(f"more than {MAX_BYTES:,} bytes", tries=1)
        except Exception as error:
            if not is_over():
                raise
            raise Fault(f"{_GAVE_UP}too slow", tries=2) from error
        if is_over():  # What ends with its connection looks whole.
            raise Fault(f"{_GAVE_UP}too slow", tries=2)
    return data


def _require_ok(response):
    code = response.status_code
    if code in (404, 410):
        raise Fault(f"HTTP {code}", tries=1)
    if code != 200:
        tries = None if code in (408, 429, 500, 502, 503, 504) else 1
        wait = urllib3.Retry().get_retry_after(response) or 0
        raise Fault(f"{_GAVE_UP}HTTP {code}", tries, wait)


def _read_gone(path):
    lines = list(csv_files.read(path, "gone.csv")) if path.is_file() else []
    for where, values in lines:
        if len(values) != 3:
            raise InputError(f"{where}: expected id,url,reason, got {values}.")
    return {(photo_id, url): reason for _, (photo_id, url, reason) in lines}


def _write_gone(path, rows):
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["id", "url", "reason"])
    writer.writerows(row for row in rows if row[-1])
    _write(path, file.getvalue().encode())


def _write(path, data):
    """Writes a file whole or not at all."""
    unfinished = path.with_name(f"{path.name}.part")
    unfinished.write_bytes(data)
    unfinished.replace(path)


if __name__ == "__main__":
    flags.mark_flag_as_required("manual_dir")
    cli.run(main, stopped=cli.GOES_ON)
