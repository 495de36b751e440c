"""Prepared records back to photos and labels; no photo is decoded."""

import json
import os
import typing
import weakref

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from jdstyle.datasets import whole_records
from jdstyle.errors import InputError

_ALL = 1 << 30  # Batch size that takes a whole split.


class Source(typing.NamedTuple):
    """Where photos come from.

    Attributes:
        dataset: string, full name of the data set and its version.
        fingerprint: hex digest of its ids, labels, splits and photos.
        num_leaking: int, groups of near-duplicates that its given splits or
            folds tear apart: scores on its photos are optimistic.
    """

    dataset: str
    fingerprint: str
    num_leaking: int


class Photos(typing.NamedTuple):
    """A part of a data set: labels in memory, photos at hand.

    Attributes:
        ids: array of n strings.
        labels: int32 array, shape `(n, num_styles)`: 1, 0, or -1 where unknown.
        encoded: string tensor of n JPEGs, or None where they are streamed.
        stream: `tf.data.Dataset` of the same JPEGs in the same order.
        source: `Source`, which whatever is said of these photos repeats.
        short_side: int, pixels, that `prepare` scaled larger ones down to.
        folds: int array, shape `(n,)`, or None where nobody asks for it.
    """

    ids: np.ndarray
    labels: np.ndarray
    encoded: tf.Tensor | None
    stream: tf.data.Dataset
    source: Source
    short_side: int
    folds: np.ndarray | None = None


def short_side(builder):
    """Returns the short side that `prepare` scaled larger photos down to."""
    return builder.info.metadata["settings"]["short_side"]


def style_names(builder):
    """Returns the names of a data set's styles, a list in column order."""
    return list(builder.info.metadata["styles"])


def source(builder):
    """Returns the `Source` of a prepared TFDS builder."""
    metadata = builder.info.metadata
    return Source(
        builder.info.full_name,
        metadata["fingerprint"],
        metadata["num_leaking"],
    )


def read_photos(builder, part, *, fold=None, cache="memory", style_names=None):
    """Reads one part of a prepared data set.

    Args:
        builder: a prepared TFDS builder.
        part: "train", "validation" or "test".
        fold: None for the data set's own split; or a fold of train and
            validation together, which validates while the others train.
        cache: "memory" holds the encoded photos in host memory; "stream" reads
            them from the records whenever they are needed.
        style_names: list of a model's styles: the labels have these columns.
            None: those of the data set.

    Returns:
        `Photos`. While they are streamed, `prepare` replaces no records.

    Raises:
        InputError: if there is no such part, fold or style, if the photos would
            take more than half of the host's memory, or if other records have
            taken the place of those that were opened.
    """
    held = whole_records.hold(builder.data_dir)
    photos = None
    try:
        _require_same(builder)
        photos = _read_part(builder, part, fold, cache, style_names)
    finally:
        if photos is None or cache == "memory":
            os.close(held)
        else:
            # What is made of a stream keeps it.
            weakref.finalize(photos.stream, os.close, held)
    return photos


def _require_same(builder):
    """Refuses records that were prepared since the data set was opened."""
    path = os.path.join(builder.data_dir, "metadata.json")
    with open(path, encoding="utf-8") as file:
        there = json.load(file)["fingerprint"]
    if there != source(builder).fingerprint:
        raise InputError(
            f"{builder.data_dir} has been prepared anew since this command "
            "began. Run it again."
        )


@tf.autograph.experimental.do_not_convert
def _read_part(builder, part, fold, cache, style_names):
    """Does what `read_photos` says."""
    known = list(builder.info.metadata["styles"])
    unknown = [name for name in style_names or [] if name not in known]
    if unknown:
        raise InputError(
            f"The model knows styles that {builder.info.full_name} does not "
            f"have: {', '.join(unknown)}. It has: {', '.join(known)}."
        )
    splits = [part]
    if fold is not None and part != "test":
        splits = ["train", "validation"]
    if part not in builder.info.splits:
        raise InputError(
            f"{builder.info.full_name} has no {part} photos. "
            f"It has: {', '.join(builder.info.splits)}."
        )
    num_bytes = sum(builder.info.splits[s].num_bytes for s in splits)
    features = {"id", "labels", "fold"}
    # All of them are kept: one reading is enough.
    whole = cache == "memory" and splits == [part]
    if whole:
        _require_memory(num_bytes, part)
        features.add("image")
    columns = _read(builder, splits, features)
    columns = columns.batch(_ALL).get_single_element()
    chosen = _choose(columns["fold"].numpy(), part, fold)

    stream = tf.data.Dataset.zip(
        _read(builder, splits, {"image"}),
        tf.data.Dataset.from_tensor_slices(chosen),
    )
    stream = stream.filter(lambda *pair: pair[1])
    stream = stream.map(lambda example, keep: example["image"])
    encoded = columns.get("image")
    if cache == "memory" and not whole:
        _require_memory(num_bytes * np.mean(chosen), part)
        encoded = stream.batch(_ALL).get_single_element()
    labels = columns["labels"].numpy()[chosen].astype("int32")
    if style_names is not None:
        labels = labels[:, [known.index(name) for name in style_names]]
    return Photos(
        ids=_texts(columns["id"].numpy()[chosen]),
        labels=labels,
        encoded=encoded,
        stream=stream,
        source=source(builder),
        short_side=short_side(builder),
        folds=columns["fold"].numpy()[chosen],
    )


def choose(photos, places):
    """Returns the photos at some places, in their order.

    Args:
        photos: `Photos`.
        places: list of ints, or bool array `(n,)`.

    Returns:
        `Photos`.
    """
    keep = np.zeros(len(photos.ids), bool)
    keep[places] = True
    pairs = tf.data.Dataset.zip(
        photos.stream, tf.data.Dataset.from_tensor_slices(keep)
    )
    return photos._replace(
        ids=photos.ids[keep],
        labels=photos.labels[keep],
        encoded=None
        if photos.encoded is None
        else tf.gather(photos.encoded, np.flatnonzero(keep)),
        stream=pairs.filter(lambda *pair: pair[1]).map(lambda photo, _: photo),
        folds=None if photos.folds is None else photos.folds[keep],
    )


def _texts(ids):
    """Returns an array of strings; `astype(str)` would take them for ASCII."""
    texts = [text.decode("utf-8", "surrogateescape") for text in ids]
    return np.array(texts, dtype=str)


def _require_memory(num_bytes, part):
    """Raises `InputError` if photos would take over half of the memory."""
    memory = host_memory()
    if num_bytes > memory / 2:
        raise InputError(
            f"The {part} photos take {num_bytes / 1e9:.1f} GB, more than half "
            f"of this machine's {memory / 1e9:.1f} GB of memory. Pass "
            "--cache=stream to read them from the records instead."
        )


def host_memory():
    """Returns the bytes of memory that this process may use."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:  # In a container the limit of its control group counts.
        with open("/sys/fs/cgroup/memory.max", encoding="ascii") as file:
            return min(memory, int(file.read()))
    except (OSError, ValueError):  # No such limit, or the word "max".
        return memory


def _read(builder, splits, features):
    """Reads some features of all examples, always in the same order."""
    decoders = tfds.decode.PartialDecoding(
        features,
        decoders={"image": tfds.decode.SkipDecoding()}
        if "image" in features
        else None,
    )
    return builder.as_dataset(
        split="+".join(splits),
        shuffle_files=False,
        decoders=decoders,
        read_config=tfds.ReadConfig(
            interleave_cycle_length=1, try_autocache=False
        ),
    )


def _choose(folds, part, fold):
    """Returns a bool array: which photos of the splits are of this part."""
    if fold is None or part == "test":
        return np.ones(len(folds), bool)
    if fold not in folds:
        raise InputError(
            f"--fold must be one of {sorted(set(folds.tolist()))}. "
            f"Received: {fold}."
        )
    return (folds == fold) == (part == "validation")
