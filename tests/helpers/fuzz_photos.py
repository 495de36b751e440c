"""Decodes damaged photos: a process of its own, since decoders may crash.

    python tests/helpers/fuzz_photos.py MUTANTS FOLDER [PHOTO ...]

Prints JSON: the peak of memory above the idle process for each odd photo, in
`prepare` and in the graph; how many mutants each took and refused, the peak and
the slowest mutant. FOLDER/mutant holds the one that ended the process, if one
did.
"""

import contextlib
import json
import pathlib
import struct
import sys
import time
import zlib

import numpy as np
import odd_photos
import tensorflow as tf

from jdstyle.photos import decoding
from jdstyle.photos import normalise

# Of a flipped bit, a byte, four equal bytes, an insertion, a deletion, a copy,
# and a cut.
_CHANCES = (0.4, 0.2, 0.1, 0.1, 0.08, 0.08, 0.04)


def memory(name):
    """Returns VmRSS or VmHWM of this process, in MB."""
    with open("/proc/self/status", encoding="ascii") as file:
        line = next(line for line in file if line.startswith(name))
    return int(line.split()[1]) / 1024


def reset_peak():
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


def mutate(data, rng):
    """Damages a file, mostly at one place."""
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 8])):
        # Headers are where decoders trip.
        end = min(len(data), 64) if rng.random() < 0.4 else len(data)
        place = int(rng.integers(0, max(end, 1)))
        kind = rng.choice(7, p=_CHANCES)
        if kind == 0 and data:
            data[place] ^= 1 << int(rng.integers(0, 8))
        elif kind == 1 and data:
            data[place] = int(rng.integers(0, 256))
        elif kind == 2:
            data[place : place + 4] = rng.choice([b"\xff" * 4, bytes(4)])
        elif kind == 3:
            data[place:place] = rng.bytes(int(rng.integers(1, 5)))
        elif kind == 4:
            del data[place : place + int(rng.integers(1, 5))]
        elif kind == 5:
            data += data[place : place + 200]
        else:
            del data[place:]
    return bytes(data)


def repair_png(data):
    """Writes the right checksums, for damage to reach what lies behind."""
    position = 8
    data = bytearray(data)
    while position + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, position)
        end = position + 8 + length
        if end + 4 > len(data):
            break
        crc = zlib.crc32(data[position + 4 : end])
        struct.pack_into(">I", data, end, crc)
        position = end + 4
    return bytes(data)


def measure(decode, files, idle):
    """Returns a dict from a file's name to its peaks above idle, in MB."""
    peaks = {}
    for name, data in files.items():
        peaks[name] = []
        for step in (normalise.normalise, decode):
            reset_peak()
            with contextlib.suppress(
                normalise.PhotoError, tf.errors.InvalidArgumentError
            ):
                step(data)
            peaks[name].append(round(memory("VmHWM") - idle))
    return peaks


def fuzz(decode, files, num_mutants, path, idle):
    """Damages files in turn; returns the counts as above."""
    rng = np.random.default_rng(0)
    counts = dict.fromkeys(["stored", "refused", "decoded", "not decoded"], 0)
    slowest = 0
    reset_peak()
    for i in range(num_mutants):
        data = mutate(files[i % len(files)], rng)
        if data.startswith(b"\x89PNG") and rng.random() < 0.7:
            data = repair_png(data)
        path.write_bytes(data)
        start = time.process_time()
        try:
            photo = normalise.normalise(data)
            counts["stored"] += 1
            decode(photo.jpeg)  # Whatever is stored can be decoded.
        except normalise.PhotoError:
            counts["refused"] += 1
        try:
            decode(data)
            counts["decoded"] += 1
        except tf.errors.InvalidArgumentError:
            counts["not decoded"] += 1
        slowest = max(slowest, time.process_time() - start)
    path.unlink()
    peak = round(memory("VmHWM") - idle)
    return {**counts, "peak_mb": peak, "slowest_s": slowest}


def main(num_mutants, folder, *paths):
    files = list(odd_photos.good().values())
    files += [odd_photos.animated(kind) for kind in ("GIF", "WEBP")]
    files += [
        odd_photos.encode(odd_photos.picture(), kind)
        for kind in ("BMP", "AVIF", "HEIF")
    ]
    decode = tf.function(
        lambda image_bytes: decoding.decode(image_bytes, 32),
        input_signature=[tf.TensorSpec([], tf.string)],
    )
    for data in files:  # Whatever is loaded at first use.
        normalise.normalise(data)
    decode(files[0])
    odd = {name: odd.data for name, odd in odd_photos.kinds().items()}
    odd |= {path: pathlib.Path(path).read_bytes() for path in paths}
    idle = memory("VmRSS")
    peaks = measure(decode, odd, idle)
    mutant = pathlib.Path(folder) / "mutant"
    counts = fuzz(decode, files, int(num_mutants), mutant, idle)
    print(json.dumps({"peaks_mb": peaks, "mutants": counts}))


if __name__ == "__main__":
    main(*sys.argv[1:])
