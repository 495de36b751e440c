"""What the data sets share: checked photos into records, by TFDS."""

import collections
import hashlib
import os
import tempfile
import typing

import numpy as np
import tensorflow_datasets as tfds
from absl import logging
from tensorflow_datasets.core import shuffle

from jdstyle import defaults
from jdstyle.datasets import checked_photos
from jdstyle.datasets import copies
from jdstyle.datasets import given_rows
from jdstyle.datasets import labels
from jdstyle.datasets import near_duplicates
from jdstyle.datasets import sources
from jdstyle.datasets import splits
from jdstyle.datasets import training_needs
from jdstyle.datasets import usable
from jdstyle.photos import looks

# Bytes of records that TFDS sorts in memory; above that, in files. Its own
# limit, 1 GB, would let memory grow with the photos up to there.
_SORTED_IN_MEMORY = 16 << 20


class Options(typing.NamedTuple):
    """How photos are checked and divided; see the flags of `prepare`."""

    short_side: int = defaults.SHORT_SIDE
    max_bad_fraction: float = 0.01
    allow_missing: bool = False
    num_folds: int = 5
    test_fraction: float = 0.2
    seed: int = 0
    allow_leaks: bool = False
    duplicates: str | None = None


class PhotoBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """A TFDS builder for photos with a label per style: 1, 0 or unknown, -1.

    An example has `image` (JPEG, upright RGB), `labels` (int64, one per style),
    `id` and `fold` (-1 for test photos). The metadata hold `styles`,
    `settings`, a fingerprint of ids, labels, folds and photos, how many photos
    were rejected and grouped, what near-duplicates there are, how many groups
    the splits tear apart, which fold validates, which styles can be trained,
    and what was cleaned. Beside the records `sources.csv` remembers the files
    and `labels.csv` what the label file said.

    TFDS writes aside and renames: a killed run leaves no data set.

    Args:
        style_names: sequence of strings, in label order.
        rows: list of `labels.Row`.
        options: `Options`.
        **kwargs: of `tfds.core.GeneratorBasedBuilder`.
    """

    def __init__(self, *, style_names, rows, options, **kwargs):
        self.options = options
        self._style_names = list(style_names)
        self._rows = rows
        self.cleaning = {}  # What was done to how many rows.
        self._sources = {}  # Of the files that could be read, by id.
        super().__init__(**kwargs)

    def settings(self):
        """Returns what the records depend on, as a dict for JSON.

        Of the photos only the ids: see `find_changed_sources`.
        """
        options = self.options._asdict()
        del options["allow_leaks"]  # It changes no record.
        options["duplicates"] = options["duplicates"] or "group"
        return {
            **options,
            "styles": self._style_names,
            "labels": given_rows.digest(self._rows),
        }

    def settings_of_old(self):
        """Returns `settings` as versions before `given_rows.FILE` had them."""
        rows = given_rows.digest_with_paths(self._rows)
        return {**self.settings(), "labels": rows}

    def describe_changed_labels(self):
        """Says which rows are not what the records hold; see `given_rows`."""
        path = os.path.join(self.data_dir, given_rows.FILE)
        return given_rows.describe_changes(path, self._rows, self._style_names)

    def find_changed_sources(self):
        """Returns sentences on photo files that changed since; see `sources`.

        A data set that an older version prepared remembers none.
        """
        path = os.path.join(self.data_dir, sources.FILE)
        if not os.path.exists(path):
            return []
        return sources.find_changed(path, self._rows)

    def _read_photo(self, row):
        data, self._sources[row.id] = sources.read(row.path)
        return data

    def _find_box(self, row):
        """Returns the box to cut a photo to, see `normalise.normalise`."""
        del row
        return None

    def _clean(self, checked):
        """Returns the `CheckedPhoto`s to keep; counts in `self.cleaning`."""
        return checked

    def _find_duplicates(self, checked, photos):
        """Numbers near-duplicate photos alike, int array of shape (n,)."""
        if self.options.duplicates == "off":
            return np.arange(len(checked))
        logging.info(
            "Looking for near-duplicates among %d photos", len(checked)
        )
        return near_duplicates.find(photos, [p.number for p in checked])

    def _place(self, checked, photos):
        """Returns the `splits.Assignment` and the metadata on it."""
        rows = [photo.row for photo in checked]
        duplicates = self._find_duplicates(checked, photos)
        mode = self.options.duplicates
        found = copies.report(
            rows, duplicates, splits.given_groups(rows), self._style_names
        )
        copies.require_few(found, len(rows), mode)
        assignment = splits.assign(
            rows,
            duplicates,
            num_folds=self.options.num_folds,
            test_fraction=self.options.test_fraction,
            seed=self.options.seed,
            keep_together=mode != "warn",
        )
        splits.require_no_leaks(
            assignment.num_leaking,
            assignment.leaks,
            self.options.allow_leaks or mode == "warn",
        )
        return assignment, {
            "num_grouped": assignment.num_grouped,
            "num_leaking": assignment.num_leaking,
            "leaks": assignment.leaks,
            "near_duplicates": found._asdict(),
            "validation_fold": assignment.validation_fold,
            "trainable": usable.trainable(rows, assignment.splits),
        }

    def _info(self):
        names = self._style_names
        return tfds.core.DatasetInfo(
            builder=self,
            description="Clothing photos with a label per style: 1, 0, or "
            "-1 if unknown.",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(
                        shape=(None, None, 3), encoding_format="jpeg"
                    ),
                    "labels": tfds.features.Tensor(
                        shape=(len(names),), dtype=np.int64
                    ),
                    "id": tfds.features.Text(),
                    "fold": tfds.features.Scalar(np.int64),
                }
            ),
            metadata=tfds.core.MetadataDict(styles=names),
        )

    def _split_generators(self, dl_manager):
        del dl_manager  # Nothing is downloaded.
        shuffle.MAX_MEM_BUFFER_SIZE = _SORTED_IN_MEMORY
        rows = self._rows
        # Before the photos are read, which may take hours.
        training_needs.require_two_places(rows, splits.given_groups(rows))
        spool, looks_spool = (
            tempfile.TemporaryFile(dir=self._data_dir_root)  # noqa: SIM115
            for _ in range(2)
        )
        checked, rejected = checked_photos.check_photos(
            rows,
            self._read_photo,
            spool,
            looks_spool,
            short_side=self.options.short_side,
            find_box=self._find_box,
        )
        report = self.report_path
        checked_photos.write_report(rejected, report)
        checked_photos.require_enough(
            rejected,
            len(rows),
            report,
            max_bad_fraction=self.options.max_bad_fraction,
            allow_missing=self.options.allow_missing,
        )
        checked = self._clean(checked)
        with looks_spool:
            looks_spool.flush()
            assignment, placed = self._place(
                checked, np.memmap(looks_spool, looks.LOOK, "r")
            )
        # TFDS has put the folder here that it will rename.
        sources.write(
            os.path.join(self.data_dir, sources.FILE), rows, self._sources
        )
        given_rows.write(os.path.join(self.data_dir, given_rows.FILE), rows)
        self.info.metadata.update(  # pyright: ignore
            settings=self.settings(),
            rejected=dict(collections.Counter(why for _, why in rejected)),
            cleaning=self.cleaning,
            **placed,
            fingerprint=_fingerprint(checked, assignment),
        )
        return {
            split: self._generate_examples(
                [
                    (checked[i], assignment.folds[i])
                    for i in np.flatnonzero(assignment.splits == split)
                ],
                spool,
            )
            for split in labels.SPLITS
            if split in assignment.splits
        }

    def _generate_examples(self, photos, spool):
        for photo, fold in photos:
            spool.seek(photo.offset)
            yield (
                photo.row.id,
                {
                    "image": spool.read(photo.length),
                    "labels": np.array(photo.row.labels, np.int64),
                    "id": photo.row.id,
                    "fold": int(fold),
                },
            )

    @property
    def report_path(self):
        """Where rejected photos are listed, also when preparing fails."""
        name = self.info.full_name.replace("/", "-")
        return os.path.join(self._data_dir_root, f"{name}-rejected.csv")


def _fingerprint(checked, assignment):
    """SHA-256 over all that training sees: ids, labels, places, photos."""
    lines = sorted(
        f"{photo.row.id}\t{photo.row.labels}\t{split}\t{fold}\t{photo.sha256}"
        for photo, split, fold in zip(
            checked, assignment.splits, assignment.folds, strict=True
        )
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
